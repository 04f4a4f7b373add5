"""The web application of one worker: webhooks, the channels' own routes, health."""

import logging
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from maxbot.channels.base import Channel, Received
from maxbot.channels.base import Request as ChannelRequest
from maxbot.errors import BadRequest, RequestError, StorageError, StorageUnavailable, Unauthorized
from maxbot.inbox.accept import Inbox
from maxbot.server.edge.health import Health

logger = logging.getLogger(__name__)


def build_webapp(channels: Mapping[str, Channel], inbox: Inbox, health: Health) -> Starlette:
    """Return the ASGI application that serves all channels."""
    # Routes are tried in order: the webhooks come first.
    routes: list[BaseRoute] = [
        Route(f"/{channel.name}", Webhook(channel, inbox), methods=channel.methods) for channel in channels.values()
    ]
    for channel in channels.values():
        routes += channel.routes()
    routes += [
        Route("/health/live", health.live, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _refuse_http,
            RequestError: _refuse,
            StorageUnavailable: _unavailable,
            StorageError: _unavailable,
            ClientDisconnect: _gone,
        },
    )


class Webhook:
    """Takes a channel's webhooks; an ASGI application of its own, as that is the shortest way through Starlette.

    Args:
        channel: Verifies and parses.
        inbox: Stores.
    """

    def __init__(self, channel: Channel, inbox: Inbox) -> None:
        self._channel = channel
        self._inbox = inbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 once the updates are stored; errors become answers in the application's handlers."""
        request = Request(scope, receive)
        body = await read_body(request, self._channel.body_limit)
        asked = ChannelRequest(body, request.headers, request.method, request.query_params)
        received = await _receive(self._channel, asked)
        accepted = await self._inbox.accept(received.updates)
        answer = received.answer_to(accepted)
        await Response(answer.body, media_type=answer.media_type)(scope, receive, send)


async def _receive(channel: Channel, request: ChannelRequest) -> Received:
    """Let the channel verify and parse. Whatever a request makes a channel raise is the request's fault."""
    try:
        return await channel.receive(request)
    except (RequestError, StorageUnavailable):
        raise
    except Exception as error:
        logger.exception("Channel %s failed at a request", channel.name)
        raise BadRequest("The request could not be understood") from error


async def read_body(request: Request, limit: int) -> bytes:
    """Return a request's body.

    Raises:
        HTTPException: 413 for a body over the limit, without reading all of it.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise HTTPException(413, f"The body is larger than {limit} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"The body is larger than {limit} bytes")
    return bytes(body)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    _log_refusal(request, error.status, str(error))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
    return PlainTextResponse(f"{error}\n", error.status, headers)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    _log_refusal(request, error.status_code, error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 413:  # the rest of the body is not wanted
        headers["Connection"] = "close"
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers)


def _log_refusal(request: Request, status: int, reason: str) -> None:
    client = request.client.host if request.client else "unknown"
    logger.warning("Refused %s %s from %s: %d %s", request.method, request.scope["path"][:100], client, status, reason)


async def _unavailable(request: Request, error: Exception) -> Response:
    """Nothing was stored, and the platform must not think so: it delivers again."""
    if not isinstance(error, StorageUnavailable):  # which the database has said itself
        logger.error("A request could not be stored: %s", error)
    return PlainTextResponse("The database is not available\n", 503, {"Retry-After": "5"})


async def _gone(request: Request, error: Exception) -> Response:
    logger.debug("A client left before its request was complete")
    return PlainTextResponse("", 400)
