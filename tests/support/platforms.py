"""Stand-ins of platforms' APIs, in the test's own event loop: each refuses what the real one refuses.

    async with FacebookStandIn() as facebook:
        channel = FacebookChannel(..., api_url=facebook.url)

What happens to each call is decided like that of the stand-in of Telegram: by chance or by a script, see `Faults`.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Self

import httptools
import msgspec

from tests.support.faults import Fate, Faults, Judge, Script

JSON = "application/json"


class Refused(Exception):
    """The call is not what the platform takes.

    Args:
        status: HTTP's.
        content: The answer.
    """

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        super().__init__(str(content))
        self.status = status
        self.content = content


class Call(msgspec.Struct):
    """One call that arrived."""

    path: str
    query: str
    headers: dict[str, str]
    content: dict[str, Any]
    user: str
    """Whom a message is for; empty for other calls."""
    outcome: str
    at: float
    """When it arrived (monotonic)."""

    @property
    def delivered(self) -> bool:
        """Whether the user sees it."""
        return self.outcome in ("ok", "lost", "500_after", "stall")


class PlatformStandIn:
    """What the stand-ins have in common: a server, a history, faults, and users who closed their dialog."""

    def __init__(self, **faults: Any) -> None:
        self.judge = Judge(msgspec.convert(faults, Faults))
        self.calls: list[Call] = []
        self.closed: set[str] = set()
        """Users who did not write for too long, or who left."""
        self.stalled = asyncio.Event()

    # What a platform says; overridden.

    def recipient(self, path: str, content: dict[str, Any]) -> str:
        """Return whom a call is a message for; empty for other calls."""
        raise NotImplementedError

    def check(self, call: Call) -> None:
        """Look into a call.

        Raises:
            Refused: The platform does not take it.
        """
        raise NotImplementedError

    def done(self, call: Call) -> dict[str, Any]:
        """Return the answer to a call that was done."""
        raise NotImplementedError

    def failed(self, fate: Fate, call: Call) -> tuple[int, dict[str, Any]]:
        """Return status and answer of a call that was not: fate `400`, `403`, `429`, `early` or `500`."""
        raise NotImplementedError

    # What tests do with it.

    def script(self, user: str, *answers: str) -> None:
        """Say what happens to the next messages to a user."""
        self.judge.add(Script(list(answers), chat=user))

    def sent(self, user: str | None = None) -> list[dict[str, Any]]:
        """Return the messages that users saw, in order of arrival."""
        return [call.content for call in self.calls if call.delivered and call.user and user in (None, call.user)]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._connections: set[_Connection] = set()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1000)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.end()

    def arrived(self, path: str, headers: dict[str, str], body: bytes) -> tuple[Call, Fate, int, dict[str, Any]]:
        """Decide what becomes of a call, and what is answered."""
        path, _, query = path.partition("?")
        content = msgspec.json.decode(body) if body and headers.get("content-type") == JSON else {}
        user = self.recipient(path, content)
        call = Call(path, query, headers, content, user, "refused", time.monotonic())
        self.calls.append(call)
        try:
            self.check(call)
        except Refused as refused:
            return call, Fate("ok"), refused.status, dict(refused.content)
        fate = self.judge.send(user, str(content), call.at) if user else Fate("ok")
        call.outcome = fate.outcome
        if fate.outcome in ("ok", "lost", "stall"):
            return call, fate, 200, self.done(call)
        return call, fate, *self.failed(fate, call)


class _Connection(asyncio.Protocol):
    def __init__(self, platform: PlatformStandIn) -> None:
        self._platform = platform
        self._parser = httptools.HttpRequestParser(self)
        self._delayed: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._platform._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._platform._connections.discard(self)
        if self._delayed is not None:
            self._delayed.cancel()

    def end(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        _, fate, status, content = self._platform.arrived(self._url.decode(), self._headers, self._body)
        if fate.outcome == "stall":
            return
        answer = None if fate.outcome == "lost" else (status, content)
        self._delayed = asyncio.get_running_loop().call_later(fate.delay, self._answer, answer)

    def _answer(self, answer: tuple[int, dict[str, Any]] | None) -> None:
        if answer is None:
            self._transport.close()
            return
        body = msgspec.json.encode(answer[1])
        head = f"HTTP/1.1 {answer[0]} Status\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def utf16(text: str) -> int:
    """Count as the platforms may: nothing of ours that is under test."""
    return len(text.encode("utf-16-le")) // 2
