"""Webhooks and the channels' own routes."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from maxbot.channels.base import Channel, Received
from maxbot.channels.base import Request as ChannelRequest
from maxbot.channels.http import Headers
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
        # Starlette's own objects for requests and answers would cost more than all that is done here.
        headers = Headers(scope["headers"])
        body = await read_body(headers, receive, self._channel.body_limit)
        query = QueryParams(scope["query_string"]) if scope["query_string"] else {}
        received = await _receive(self._channel, ChannelRequest(body, headers, scope["method"], query))
        accepted = await self._inbox.accept(received.updates)
        answer = received.answer_to(accepted)
        length = (b"content-length", b"%d" % len(answer.body))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [length, _content_type(answer.media_type)]}
        )
        await send({"type": "http.response.body", "body": answer.body})


async def _receive(channel: Channel, request: ChannelRequest) -> Received:
    """Let the channel verify and parse. Whatever a request makes a channel raise is the request's fault."""
    try:
        return await channel.receive(request)
    except (RequestError, StorageUnavailable):
        raise
    except Exception as error:
        logger.exception("Channel %s failed at a request", channel.name)
        raise BadRequest("The request could not be understood") from error


@cache
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return b"content-type", (media_type + charset).encode()


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """Return a request's body.

    Args:
        headers: Of the request.
        receive: Brings what comes after them.
        limit: Bytes.

    Raises:
        HTTPException: 413 for a body over the limit, without reading all of it.
        ClientDisconnect: The rest does not come.
    """
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise HTTPException(413, f"The body is larger than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(chunk := message.get("body", b""))
        size += len(chunk)
        if size > limit:
            raise HTTPException(413, f"The body is larger than {limit} bytes")
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
