"""A load balancer for tests: connection by connection to one of several servers, past those that are gone."""

import asyncio
import itertools
from collections.abc import Sequence

from tests.support.listener import Listener


class Balancer(Listener):
    """Passes connections on in turn; use with `with`.

    Args:
        ports: Of the servers, on this machine.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self._ports = ports
        self._turns = itertools.count()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._turns)
        for number in range(len(self._ports)):
            port = self._ports[(first + number) % len(self._ports)]
            try:
                there = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
            return


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
