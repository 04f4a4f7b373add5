"""What a message costs a whole server by channel: webhook in, turn, reply out; CPU of all the server's processes.

Load and API are in this process. The API takes everything, and says at once what its platform says to a text.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httptools
import msgspec

from benchmarks.webhooks import PLATFORMS, webhook
from tests.support.processes import Server, free_port

USERS, CONNECTIONS = 500, 32

BOT = """
channels:
  {type}: {options}
dialog:
  - condition: message.text
    response: "{{{{ message.text }}}}"
"""


class Api:
    """The platform's side of replies."""

    def __init__(self, answer: bytes) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            len(answer),
            answer,
        )
        self.calls = 0
        self.news = asyncio.Event()

    async def wait(self, calls: int) -> None:
        """Wait until so many calls have come."""
        while self.calls < calls:
            self.news.clear()
            await self.news.wait()


class _Caller(asyncio.Protocol):
    def __init__(self, api: Api) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(self._api.answer)
        self._api.calls += 1
        self._api.news.set()


async def cpu_per_message(type_: str, messages: int, folder: Path) -> float:
    """Start an echo bot with one worker, deliver messages, and return the CPU seconds of each."""
    platform, port = PLATFORMS[type_], free_port()
    api = Api(msgspec.json.encode(platform.answer))
    listening = await asyncio.get_running_loop().create_server(lambda: _Caller(api), "127.0.0.1", 0)
    options = {**platform.options, "api_url": f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"}
    (folder / "bot.yaml").write_text(BOT.format(type=type_, options=msgspec.json.encode(options).decode()))
    command = [sys.executable, "-m", "maxbot", "run", "--bot", str(folder / "bot.yaml"), "--updater", "webhooks"]
    server = Server([*command, "--port", str(port), "--workers", "1"], port, folder / "log")
    server.start()
    try:
        await asyncio.to_thread(server.wait_ready)
        await _deliver(type_, port, 0, USERS)
        await api.wait(USERS)  # each user has a dialog now, and everything was run once
        before = server.cpu()
        await _deliver(type_, port, USERS, messages)
        await api.wait(USERS + messages)
        return (server.cpu() - before) / messages
    finally:
        await asyncio.to_thread(server.stop)
        listening.close()


async def _deliver(type_: str, port: int, first: int, count: int) -> None:
    """Deliver messages on several connections, each the next one when the last is answered."""
    left = iter(range(first + 1, first + count + 1))
    await asyncio.gather(*(_deliver_on(type_, port, left) for _ in range(CONNECTIONS)))


async def _deliver_on(type_: str, port: int, left: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in left:
        body, headers = webhook(type_, 1 + number % USERS, number)
        lines = [f"POST /{type_} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await _answered(reader)
    writer.close()
    await writer.wait_closed()


async def _answered(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
