"""What a stop must not be kept from."""

import asyncio
from typing import cast

import pytest

from maxbot.inbox.sweep import Sweep
from maxbot.storage.store import Store


class Nothing:
    """A store where nothing is pending."""

    def leads(self) -> bool:
        return True

    async def newest(self) -> int:
        return 0

    async def find_pending(self, upto: int | None, after: str, limit: int) -> list[str]:
        return []


@pytest.mark.parametrize("steps", range(8))
def test_a_sweep_ends_when_it_is_cancelled_as_a_worker_dies(steps: int) -> None:
    """Given a sweep that waits, when it is told to sweep and, so many steps of the loop later, to end, it ends."""

    async def main() -> None:
        sweep = Sweep(cast(Store, Nothing()), lambda dialog: None)
        task = asyncio.create_task(sweep.run())
        for _ in range(10):
            await asyncio.sleep(0)
        sweep.soon()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        task.cancel()
        assert done == {task}

    asyncio.run(main())
