"""A process that uses the user locks it inherited: `python -m tests.locks.worker FD hold|work ARGUMENTS...`."""

import asyncio
import json
import socket
import sys
import time
from contextlib import AsyncExitStack

from maxbot.locks.host import UnixLocks
from maxbot.types import Dialog


async def hold(locks: UnixLocks, *users: str) -> None:
    """Hold the users, say so, and stay until killed."""
    async with AsyncExitStack() as stack:
        for user in users:
            await stack.enter_async_context(locks(Dialog("test", user)))
        print("holds", flush=True)
        await locks.lost.wait()


async def work(locks: UnixLocks, users: str, messages: str) -> None:
    """Once told to, run so many messages of each user, five at a time; print when each began and ended."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    history: list[tuple[int, int, int]] = []  # user, and the clock that all processes share, in nanoseconds

    async def process(user: int) -> None:
        async with locks(Dialog("test", str(user))):
            began = time.monotonic_ns()
            await asyncio.sleep(0)
            history.append((user, began, time.monotonic_ns()))

    async def one_of_five(user: int) -> None:
        for _ in range(int(messages) // 5):
            await process(user)

    await asyncio.gather(*(one_of_five(user) for user in range(int(users)) for _ in range(5)))
    print(json.dumps(history))


async def main(fd: str, command: str, *arguments: str) -> None:
    locks = UnixLocks(socket.socket(fileno=int(fd)))
    await locks.start()
    if command == "hold":
        await hold(locks, *arguments)
    else:
        await work(locks, *arguments)
    await locks.close()


asyncio.run(main(*sys.argv[1:]))
