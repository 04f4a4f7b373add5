"""Webhooks and the channels' own routes."""

import logging
from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from maxbot.channels.base import Channel, Received
from maxbot.channels.base import Request as ChannelRequest
from maxbot.errors import BadRequest, RequestError, StorageUnavailable
from maxbot.inbox.accept import Inbox
from maxbot.server.edge.part import Part

logger = logging.getLogger(__name__)


class Webhooks(Part):
    """Takes what platforms deliver.

    Args:
        channels: By name.
        inbox: Stores their updates.
    """

    def __init__(self, channels: Mapping[str, Channel], inbox: Inbox) -> None:
        self._channels = channels
        self._inbox = inbox

    def routes(self) -> Sequence[BaseRoute]:
        routes: list[BaseRoute] = [
            Route(f"/{channel.name}", Webhook(channel, self._inbox), methods=channel.methods)
            for channel in self._channels.values()
        ]
        for channel in self._channels.values():
            routes += channel.routes()
        return routes


class Webhook:
    """One channel's; an ASGI application of its own, as that is the shortest way through Starlette.

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
        query = request.query_params if scope["query_string"] else {}  # it is dear to read nothing
        asked = ChannelRequest(body, request.headers, request.method, query)
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

    Args:
        request: Its head has arrived.
        limit: Bytes.

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
