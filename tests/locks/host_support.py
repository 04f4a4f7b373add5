"""A lock server with connected clients, on either event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from maxbot.locks.host import UnixLocks
from maxbot.locks.server import LockServer

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run(loop: str, test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(test)


@asynccontextmanager
async def connected(count: int, *, delegates: bool = False) -> AsyncIterator[tuple[LockServer, list[UnixLocks]]]:
    server = LockServer(delegates=delegates)
    clients = []
    for number in range(count):
        ours, theirs = socket.socketpair()
        await server.serve(ours, f"worker {number}")
        clients.append(UnixLocks(theirs))
        await clients[-1].start()
    try:
        yield server, clients
    finally:
        server.close()
        for client in clients:
            await client.lost.wait()
        await eventually(lambda: server.clients() == 0)
        assert (server.held(), server.waiting()) == (0, 0)


async def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
