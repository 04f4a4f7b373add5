"""Each worker's share of the limits of an account: as much as every other one has, on all hosts."""

import asyncio
import contextlib

from maxbot.channels.pace import Share
from maxbot.errors import StorageError
from maxbot.storage.store import Store

EVERY = 2.0
"""Seconds after which it is counted again how many workers there are: for so long a new one may be one too many."""


async def keep_share(store: Store, share: Share) -> None:
    """Keep a share right while workers of other hosts come and go, until cancelled.

    Args:
        store: Knows which workers live.
        share: Of this one.
    """
    while True:
        with contextlib.suppress(StorageError):  # it stays as it was
            share.part = 1 / max(1, await store.serving())
        await asyncio.sleep(EVERY)
