"""`POST /rpc/{channel}/{user_id}`: other programs let the bot speak to a user who did not ask.

A request goes through the inbox like any update: in order with the user's messages, stored before it is acknowledged,
and recognised when it comes again with the same `Idempotency-Key`.

| query | |
|---|---|
| `wait=SECONDS` | the answer comes when the turn has ended, or with 202 after so long |
| `failed=STATUS` | the status of the answer where it has failed; 200 without it |
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Container, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from maxbot.channels.base import matches
from maxbot.channels.json import decode
from maxbot.errors import BadRequest, Forbidden, RpcError, Unauthorized
from maxbot.inbox.accept import Inbox
from maxbot.server.edge.ended import Ended
from maxbot.server.edge.part import Part
from maxbot.server.edge.webhooks import read_body
from maxbot.storage.tables.requests import Outcome
from maxbot.types import Dialog, Update

BODY_LIMIT = 1024 * 1024
"""Bytes of a request."""

KEY_LIMIT = 200
"""Characters of an `Idempotency-Key`, and of a user's name."""

LONGEST_WAIT = 60.0
"""Seconds for which a caller may wait; one who asks for more waits so long."""

INVALID_REQUEST = -32600
UNKNOWN_CHANNEL = -32100
TURN_FAILED = -32101

_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Bot(Protocol):
    """What the endpoint needs of a bot."""

    @property
    def channels(self) -> Container[str]:
        """Their names are in it."""

    def check_request(self, request: Any) -> None:
        """Raise an `RpcError` for what is refused."""

    def check_push(self, asked: Any, dialog: Dialog) -> dict[str, Any]:
        """Return the request that a push is stored as; raise an `RpcError` for what is refused."""

    async def check_window(self, request: dict[str, Any], dialog: Dialog, key: str) -> None:
        """Raise an `RpcError` for a push to a user who must not be written to now."""


class Rpc(Part):
    """The endpoint.

    Args:
        bot: Says what may be asked for, and on which channels.
        inbox: Stores requests.
        ended: Knows when a turn has ended.
        token: What callers show as `Authorization: Bearer TOKEN`; None: everybody who reaches the port may call, except
            pages in a browser.
    """

    prefix = "rpc"
    """Of its paths."""

    def __init__(self, bot: Bot, inbox: Inbox, ended: Ended, token: str | None = None) -> None:
        self._bot = bot
        self._inbox = inbox
        self._ended = ended
        self._token = token or None

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(f"/{self.prefix}/{{path:path}}", self._call, methods=["POST"])]

    async def drain(self) -> None:
        self._ended.stop()

    async def _call(self, request: Request) -> Response:
        self._authorise(request)
        wait = _number(request, "wait", 0.0)
        failed_status = int(_number(request, "failed", 200))
        if not 200 <= failed_status <= 599:
            raise BadRequest("failed is a status from 200 to 599")
        channel, user = _path(request, self.prefix)
        body = await read_body(request.headers, request.receive, BODY_LIMIT)
        asked = decode(_json, body) if body else None
        try:
            dialog = self._dialog(channel, user)
            message = self._request(asked, dialog)
            key = _key(request, f"{self.prefix}:{user}" if self.prefix != "rpc" else user)
            await self._check_user(message, dialog, key)
        except RpcError as error:
            return _error(error.code, error.message, error.data)
        await self._inbox.accept([Update(dialog, key, message, is_request=True)])
        if wait <= 0:
            return JSONResponse({"result": None})
        return _answer(await self._ended.outcome(dialog, key, min(wait, LONGEST_WAIT)), failed_status)

    def _request(self, asked: Any, dialog: Dialog) -> dict[str, Any]:
        """Return what is stored.

        Raises:
            RpcError: It is refused.
        """
        self._bot.check_request(asked)
        return _complete(asked)

    async def _check_user(self, message: dict[str, Any], dialog: Dialog, key: str) -> None:
        """See whether the user can be spoken to.

        Raises:
            RpcError: It is refused.
        """

    def _authorise(self, request: Request) -> None:
        """Let callers in.

        Raises:
            RequestError: They may not call.
        """
        if self._token is None:
            # A page of another site can make a browser on this machine send this, and browsers then say which page.
            if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
                raise Forbidden("Pages in a browser may not call: set --rpc-token")
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not matches(given.strip(), [self._token]):
            raise Unauthorized("The token is missing or wrong: Authorization: Bearer TOKEN")

    def _dialog(self, channel: str, user: str) -> Dialog:
        if channel not in self._bot.channels:
            raise RpcError(UNKNOWN_CHANNEL, "Unknown channel", channel)
        if not 0 < len(user) <= KEY_LIMIT:
            raise RpcError(
                INVALID_REQUEST, "Invalid Request", {"user_id": [f"Length must be between 1 and {KEY_LIMIT}."]}
            )
        return Dialog(channel, user)


def _path(request: Request, prefix: str) -> tuple[str, str]:
    """Return channel and user; the parts are decoded one by one, so that a user's name may have a slash."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    parts = raw.partition(f"/{prefix}/".encode())[2].removesuffix(b"/").split(b"/")
    try:
        channel, user = (unquote(part.decode("ascii"), errors="strict") for part in parts)
    except ValueError:
        raise BadRequest(
            f"The path is /{prefix}/CHANNEL/USER_ID, with everything but letters and digits encoded"
        ) from None
    return channel, user


def _key(request: Request, user: str) -> str:
    given = request.headers.get("idempotency-key")
    if given is None:
        return uuid.uuid4().hex
    if not 0 < len(given) <= KEY_LIMIT:
        raise BadRequest(f"An Idempotency-Key has 1 to {KEY_LIMIT} characters")
    return hashlib.sha256(f"{len(user)}:{user}{given}".encode()).hexdigest()


def _number(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadRequest(f"{name} is a number from 0")
    return number


def _complete(asked: Any) -> dict[str, Any]:
    return {"method": asked["method"], "params": asked.get("params", {})}


def _answer(outcome: Outcome | None, failed_status: int) -> Response:
    if outcome is not None and outcome.failed:
        return _error(TURN_FAILED, "The turn failed", None, failed_status)
    pending = outcome is not None and outcome.pending
    return JSONResponse({"result": None}, 202 if pending else 200)


def _error(code: int, message: str, data: Any, status: int = 200) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "data": data}}, status)
