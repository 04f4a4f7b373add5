"""User locks: one turn of a dialog at a time, across tasks, processes and hosts.

The whole interface is `async with user_locks(dialog): ...`. A lock excludes and nothing else: the order of a dialog's
turns comes from the inbox, and a turn whose lock was lost is refused by the database. Locks know nothing of storage,
channels or the bot.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeAlias

from maxbot.types import Dialog

UserLocks: TypeAlias = Callable[[Dialog], AbstractAsyncContextManager[Any]]
"""`async with user_locks(dialog)`: inside, nobody else holds that dialog, in any task, process or host.

Waiting may be cancelled at any time. An implementation that notices that the lock was lost cancels the body and
raises `LockLost` instead. What `async with` gives may have a function `is_sure`: whether the lock is held for certain,
asked before each send; it must not wait. One that cannot notice keeps correctness all the same: the database has the
last word.
"""

Reach: TypeAlias = Literal["process", "host", "anywhere"]
"""How far locks exclude: their attribute `reach`, so that a start can say where that is not enough."""
