"""What need not be kept goes, in batches, and the newest stays."""

import asyncio

from maxbot.inbox.retention import BATCH, keep_tidy
from maxbot.storage.store import Store
from maxbot.types import Dialog
from tests.inbox.support import updates
from tests.support.engine import letters, run_with_store


def test_old_keys_and_replies_go_in_batches() -> None:
    async def scenario(store: Store) -> None:
        count = 2 * BATCH + 10
        for dialog in updates(0, count):
            await store.accept([dialog])
            await store.put(dialog.dialog, dialog.key, {})
        for number in (1, 2, 3):
            await store.set_aside_update("test:0000", number, "raised", None)
        tidying = asyncio.create_task(keep_tidy(store, keep_seen=50.0, keep_replies=50.0, keep_letters=50.0))
        await asyncio.sleep(130)
        assert await store.accept(updates(0, 1)) == [True], "forgotten"
        assert await store.accept(updates(count - 1, 1)) == [False], "the newest is kept"
        assert await store.fetch(Dialog("test", "0000"), 0) == []
        tidying.cancel()

    run_with_store(scenario)
    assert len(letters()) == 1, "the newest is kept"
