"""A proxy before MySQL or MariaDB: knows enough of the protocol to cut a connection around COMMIT.

Source: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html and
page_protocol_basic_ok_packet.html
"""

import asyncio

from tests.support.postgresql_proxy import Proxy

_QUERY = b"\x03"
_MORE_RESULTS = 0x0008


class MySQLProxy(Proxy):
    """Stands between clients and a server; use with `with`."""

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        cut = [""]  # how this connection is to be cut
        ways = [
            asyncio.create_task(self._queries(reader, back, cut)),
            asyncio.create_task(self._results(there, writer, cut)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.close()

    async def _queries(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: list[str]) -> None:
        while True:
            head, body = await _packet(reader)
            if body.startswith(_QUERY) and body.endswith(b"COMMIT"):
                self.commits += 1
                cut[0] = self.choose()
                if cut[0] == "before":
                    return
            await self._pass(writer, head + body)
            if cut[0] == "during":
                return

    async def _results(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: list[str]) -> None:
        while True:
            head, body = await _packet(reader)
            if not cut[0]:
                await self._pass(writer, head + body)
            elif _ends(body):  # COMMIT is done, and nobody hears of it
                return


async def _packet(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(4)
    return head, await reader.readexactly(int.from_bytes(head[:3], "little"))


def _ends(body: bytes) -> bool:
    """Whether a packet is the last one of an answer that has no rows."""
    place = 1
    for _ in range(2):  # numbers of one to nine bytes: rows, the last id
        place += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(body[place], 1) if len(body) > place else 1
    return body[:1] != b"\x00" or not int.from_bytes(body[place : place + 2], "little") & _MORE_RESULTS
