import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from maxbot.locks.custom import running
from maxbot.locks.redis.locks import RedisLocks


@asynccontextmanager
async def connected(url: str, count: int, lease: float = 10.0) -> AsyncIterator[list[RedisLocks]]:
    """Open clients as workers of their own would."""
    async with AsyncExitStack() as stack:
        clients = [RedisLocks(url, lease) for _ in range(count)]
        for client in clients:
            await stack.enter_async_context(running(client))
        yield clients


async def eventually(condition: Callable[[], bool], timeout: float = 60.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)
