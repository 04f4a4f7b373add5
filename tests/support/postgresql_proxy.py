"""A proxy before PostgreSQL: knows enough of its protocol to cut a connection around COMMIT; delays; goes silent.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
import random
from collections import Counter

from tests.support.listener import Listener

WHEN = ("before", "during", "after")
"""Where a connection is cut: before the server sees COMMIT, while it works on it, before the client has its answer."""


_ASKS = [number.to_bytes(4, "big") for number in (80877103, 80877104)]


class Proxy(Listener):
    """Stands between clients and a server; use with `with`.

    Args:
        target: The server's port on 127.0.0.1.
        seed: Of what is cut.
    """

    def __init__(self, target: int, seed: int = 1) -> None:
        super().__init__()
        self._target = target
        self._chance = random.Random(seed)
        self.share = 0.0
        """Of all commits, how many are cut."""
        self.latency = 0.0
        """Seconds for which each piece is held back, in both directions."""
        self.silent = False
        """Whether nothing gets through, and nobody is told."""
        self.unwelcome = 0
        """How many of the next connections are ended as soon as they are made."""
        self.cuts: Counter[str] = Counter()
        self.commits = 0

    def choose(self) -> str:
        """Return how a connection is to be cut at its COMMIT, one of `WHEN`; empty where it is not."""
        cut = self._chance.choice(WHEN) if self._chance.random() < self.share else ""
        self.cuts[cut] += 1
        return cut

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.unwelcome:
            self.unwelcome -= 1
            writer.close()
        else:
            await super()._serve(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        connection = _Connection()
        ways = [
            asyncio.create_task(self._requests(reader, back, connection)),
            asyncio.create_task(self._answers(there, writer, connection)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: "_Connection"
    ) -> None:
        asks = True
        while asks:  # for TLS or GSSAPI, which a server without them declines; the start, too, has no type before it
            size = int.from_bytes(head := await reader.readexactly(4), "big")
            start = await reader.readexactly(size - 4)
            await self._pass(writer, head + start)
            asks = start in _ASKS
        while True:
            kind = await reader.readexactly(1)
            size = int.from_bytes(head := await reader.readexactly(4), "big")
            body = await reader.readexactly(size - 4)
            if connection.begins_commit(kind, body):
                self.commits += 1
                connection.cut = self.choose()
                if connection.cut == "before":
                    return
            await self._pass(writer, kind + head + body)
            if connection.cut == "during" and kind == b"S":
                return

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: "_Connection"
    ) -> None:
        while data := await reader.read(65536):
            if connection.cut:
                # Nothing more reaches the client; what it waits for is there once the server says so.
                if b"COMMIT\0" in data:
                    return
                continue
            await self._pass(writer, data)

    async def _pass(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while self.silent:
            await asyncio.sleep(0.02)
        if self.latency:
            self._loop.call_later(self.latency, writer.write, data)
        else:
            writer.write(data)
            await writer.drain()


class _Connection:
    """What is known of one."""

    def __init__(self) -> None:
        self.cut = ""
        self._commits: set[bytes] = set()

    def begins_commit(self, kind: bytes, body: bytes) -> bool:
        """Whether a message binds a statement that is COMMIT."""
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            (self._commits.add if text == b"COMMIT" else self._commits.discard)(name)
        return kind == b"B" and body.split(b"\0", 2)[1] in self._commits
