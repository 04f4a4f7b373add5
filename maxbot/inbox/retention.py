"""Remove what need not be kept any longer, in batches small enough that nobody waits for them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from maxbot.errors import StorageError
from maxbot.storage.store import Store

logger = logging.getLogger(__name__)

INTERVAL = 60.0
BATCH = 200
PAUSE = 0.05
"""Seconds between two batches, which belong to the messages."""


async def keep_tidy(store: Store, keep_seen: float, keep_replies: float, keep_letters: float) -> None:
    """Forget old update keys, replies and dead letters, until cancelled. One worker does it for all.

    Args:
        store: Where they are.
        keep_seen: Seconds for which a redelivered update is recognised.
        keep_replies: Seconds for which replies of the `web` channel wait for their client.
        keep_letters: Seconds for which dead letters are kept.
    """
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            if not await store.leads():
                continue
            await _in_batches(store.forget, keep_seen)
            await _in_batches(store.expire, keep_replies)
            await _in_batches(store.forget_letters, keep_letters)
        except StorageError as error:
            logger.debug("Tidying up failed and will be tried again: %s", error)


async def _in_batches(remove: Callable[[float, int], Awaitable[int]], older_than: float) -> None:
    while await remove(older_than, BATCH) == BATCH:
        await asyncio.sleep(PAUSE)
