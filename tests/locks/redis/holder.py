"""Holds a dialog until it is lost, and says so."""

import asyncio
import sys

from maxbot.errors import LockLost
from maxbot.locks.redis.locks import RedisLocks
from maxbot.testing.locks import ALICE


async def main(url: str, lease: float) -> None:
    locks = RedisLocks(url, lease)
    await locks.start()
    try:
        async with locks(ALICE):
            print("inside", flush=True)
            await asyncio.Event().wait()
    except LockLost:
        print("LockLost", flush=True)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
