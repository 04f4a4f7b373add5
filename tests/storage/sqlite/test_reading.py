"""What only reads waits for nobody who writes, and holds up nobody: a look at all that waits may take long."""

import asyncio
from pathlib import Path

from tests.storage.sqlite.support import somebody_else
from tests.storage.support import ANNA, opened, update


def test_what_waits_is_found_while_somebody_else_writes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("a")])
            with somebody_else(tmp_path / "bot.db", "writes"):
                assert await asyncio.wait_for(store.find_pending(None, "", 10), 30) == [str(ANNA)]

    asyncio.run(scenario())
