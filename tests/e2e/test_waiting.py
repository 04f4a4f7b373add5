"""Clients that wait for replies: event streams and polls of the web channel, by the hundred."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from tests.support import FULL
from tests.support.processes import Server, eventually, get

pytestmark = pytest.mark.faults

BOT = """
channels:
  web: {}
dialog:
  - condition: message.text
    response: "{{ message.text }}"
"""


class Client:
    """A connection that waits for what its user is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int, path: str) -> "Client":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return cls(reader, writer)

    async def hears(self, text: str) -> None:
        """Read until a text has come."""
        await asyncio.wait_for(self._reader.readuntil(text.encode()), 60)

    async def ends(self) -> None:
        """Read until the server has closed the connection."""
        await asyncio.wait_for(self._reader.read(), 60)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()


def tell(port: int, user: str, text: str) -> int:
    """Say something as a user, and return the status."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = msgspec.json.encode({"user_id": user, "text": text})
        connection.request("POST", "/web", body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


async def wait_for_replies(server: Server, one: int, many: int, polls: int) -> None:
    """Let so many wait, tell some of them something, and stop the server while all wait."""
    events = [f"/web/events?user_id=ada&n={n}" for n in range(one)]
    events += [f"/web/events?user_id=u{n}" for n in range(many)]
    async with AsyncExitStack() as crowd:

        async def all_of(paths: Sequence[str]) -> list[Client]:
            clients = await asyncio.gather(*(Client.connect(server.port, path) for path in paths))
            return [await crowd.enter_async_context(client) for client in clients]

        streams = await all_of(events)
        await asyncio.gather(*(stream.hears(": replies follow") for stream in streams))
        waiting = await all_of([f"/web/replies?user_id=p{n}&wait=60" for n in range(polls)])
        assert await asyncio.to_thread(get, server.port, "/health/ready") == 200

        assert await asyncio.to_thread(tell, server.port, "ada", "to each stream") == 200
        await asyncio.gather(*(stream.hears("to each stream") for stream in streams[:one]))
        for n in range(0, many, 10):
            assert await asyncio.to_thread(tell, server.port, f"u{n}", f"to stream {n}") == 200
        await asyncio.gather(*(streams[one + n].hears(f'"to stream {n}"') for n in range(0, many, 10)))
        for n in range(0, polls, 10):
            assert await asyncio.to_thread(tell, server.port, f"p{n}", f"to poll {n}") == 200
        await asyncio.gather(*(waiting[n].hears(f'"to poll {n}"') for n in range(0, polls, 10)))

        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 20, "not the thirty seconds of a stop"
        await asyncio.gather(*(stream.ends() for stream in streams))


@pytest.mark.parametrize("workers", [1, 2])
def test_hundreds_who_wait_are_all_told_and_hold_up_no_stop(tmp_path: Path, workers: int) -> None:
    """100 event streams of one user, 150 of others, 50 polls; full: 1,000, 1,500 and 500."""
    one, many, polls = (1_000, 1_500, 500) if FULL else (100, 150, 50)
    bot = tmp_path / "bot.yaml"
    bot.write_text(BOT)
    server = Server.maxbot(bot, tmp_path / "log", workers=workers, database=tmp_path / "bot.db")
    with server:
        eventually(lambda: get(server.port, "/web") == 200)
        asyncio.run(wait_for_replies(server, one, many, polls))
