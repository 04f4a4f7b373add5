"""How many timers a dialog may have."""

from maxbot.errors import TurnError
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.types import Dialog, TimerChanges

MOST_TIMERS = 100
"""Timers of a dialog that wait at a time."""


async def check_count(store: Store, dialog: Dialog, changes: TimerChanges) -> None:
    """See whether a dialog may have the timers that its turn sets; only then the database is asked.

    Raises:
        TurnError: There would be too many.
    """
    if not changes.set:
        return
    waiting = await until_stored(store.timers_of, str(dialog))
    gone = set(changes.cancelled)
    count = len(changes.set) + sum(gone.isdisjoint(names) for names in waiting)
    if count > MOST_TIMERS:
        raise TurnError(
            f"the dialog would have {count} timers that wait, and {MOST_TIMERS} are the most: cancel those that are "
            "not needed any more, as in turn.cancel_later(name)"
        )
