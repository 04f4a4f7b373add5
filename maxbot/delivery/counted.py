"""Rare events that are worth a counter, and need not be in a transaction with something else."""

from maxbot.errors import StorageError
from maxbot.events import (
    ChannelFailed,
    CommitLookedUp,
    Event,
    GroupRepeated,
    Reconnected,
    SessionEnded,
    TurnOutlives,
    TurnStale,
)
from maxbot.storage.store import Store

_NAMES: dict[type[Event], str] = {
    TurnStale: "stale_turns",
    TurnOutlives: "outliving_turns",
    ChannelFailed: "channel_failures",
    SessionEnded: "lost_sessions",
    GroupRepeated: "repeated_groups",
    Reconnected: "reconnects",
}


_LOOKED_UP = {
    True: "unknown_commits_stored",
    False: "unknown_commits_undone",
}


class Counters:
    """An observer that counts. Nobody waits for it: what a database that is gone does not count is lost.

    Args:
        store: Keeps the counters.
    """

    hears = frozenset({*_NAMES, CommitLookedUp})

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, event: Event) -> None:
        name = _name(event)
        if name is None:
            return
        try:
            future = self._store.count(name)
        except StorageError:  # it is closed
            return
        future.add_done_callback(lambda done: done.cancelled() or done.exception())


def _name(event: Event) -> str | None:
    if isinstance(event, CommitLookedUp):
        return _LOOKED_UP[event.stored]
    return _NAMES.get(type(event))
