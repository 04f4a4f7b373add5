import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from maxbot.locks import UserLocks
from maxbot.locks.memory import MemoryLocks
from maxbot.testing.locks import ALICE, UserLocksContract


class TestMemoryLocks(UserLocksContract):
    @asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[Sequence[UserLocks]]:
        yield [MemoryLocks()] * count

    def entries(self, clients: Sequence[UserLocks]) -> int | None:
        assert isinstance(clients[0], MemoryLocks)
        return len(clients[0])


def test_first_come_first_served() -> None:
    async def scenario() -> None:
        locks = MemoryLocks()
        served = []

        async def take(number: int) -> None:
            async with locks(ALICE):
                served.append(number)

        async with locks(ALICE):
            tasks = [asyncio.create_task(take(number)) for number in range(10)]
            await asyncio.sleep(0)
            tasks[3].cancel()
        # Comes after the others, although the lock is free as far as nobody of them has run yet.
        await take(10)
        assert served == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]

    asyncio.run(scenario())


def test_a_waiter_whose_loop_is_gone_leaves_the_queue() -> None:
    locks = MemoryLocks()

    async def scenario() -> None:
        async with locks(ALICE):
            waiter = locks(ALICE).__aenter__()
            waiter.send(None)  # it waits, and then is closed like whatever is left when a program ends
            waiter.close()
        assert len(locks) == 0

    asyncio.run(scenario())


def test_a_release_passes_over_a_wait_that_was_just_cancelled() -> None:
    async def scenario() -> None:
        locks = MemoryLocks()

        async def take() -> None:
            async with locks(ALICE):
                pass

        async with locks(ALICE):
            cancelled, next_one = asyncio.create_task(take()), asyncio.create_task(take())
            await asyncio.sleep(0)
            cancelled.cancel()  # and the lock is released before that task runs
        async with asyncio.timeout(60):
            await next_one
        assert cancelled.cancelled()
        assert len(locks) == 0

    asyncio.run(scenario())
