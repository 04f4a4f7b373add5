"""What happens to messages, told to whoever listens: the log and the counters.

Whoever does something tells one `Observer`, at once and on the event loop; telling costs a function call. An observer
must not raise, and not wait.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from maxbot.types import Dialog


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened."""


class UpdateAccepted(Event, frozen=True, gc=False):
    """An update was stored; the platform may be told."""

    dialog: Dialog
    new: bool
    """Not so where it was delivered before."""


class TurnRun(Event, frozen=True, gc=False):
    """A turn was committed."""

    dialog: Dialog
    update_id: int
    commands: int
    seconds: float
    """That the bot took."""


class TurnStale(Event, frozen=True, gc=False):
    """A turn was thrown away: another one of its dialog was committed meanwhile."""

    dialog: Dialog
    update_id: int


class TurnOutlives(Event, frozen=True, gc=False):
    """A turn goes on after its time-out: the bot's code catches its cancellation. Its user waits for its end."""

    dialog: Dialog
    update_id: int
    timeout: float


class TimersSet(Event, frozen=True, gc=False):
    """A turn that set timers was committed."""

    dialog: Dialog
    soonest: float
    """Seconds until the first of them is due."""


class UpdateSetAside(Event, frozen=True, gc=False):
    """A turn failed, and its update became a dead letter."""

    dialog: Dialog
    update_id: int
    reason: str
    error: BaseException | None


class DialogLeft(Event, frozen=True, gc=False):
    """So many turns in a row have failed that the dialog left the place where it waited."""

    dialog: Dialog
    update_id: int


class CommandSent(Event, frozen=True, gc=False):
    """The platform took a command."""

    dialog: Dialog
    key: str


class CommandPostponed(Event, frozen=True, gc=False):
    """A command was not sent, and is tried again later."""

    dialog: Dialog
    key: str
    seconds: float
    reason: str


class CommandRepeated(Event, frozen=True, gc=False):
    """A command is sent though an earlier attempt may have succeeded: whoever made it was gone before noting it."""

    dialog: Dialog
    key: str


class CommandSetAside(Event, frozen=True, gc=False):
    """A command became a dead letter."""

    dialog: Dialog
    key: str
    reason: str


class DialogMoved(Event, frozen=True, gc=False):
    """A user has another name now, and the dialog goes on under that one."""

    dialog: Dialog
    to: Dialog


class ChannelFailed(Event, frozen=True, gc=False):
    """A channel raised what no channel should."""

    dialog: Dialog
    error: BaseException


class DatabaseUnavailable(Event, frozen=True, gc=False):
    """The database did not do what it was asked for."""

    reason: str
    damaged: bool


class SessionEnded(Event, frozen=True, gc=False):
    """Others have taken this worker for dead, and what it had claimed is theirs; it goes on with a new session."""


class GroupRepeated(Event, frozen=True, gc=False):
    """A transaction that was interrupted is stored all the same: it was run again."""


class CommitLookedUp(Event, frozen=True, gc=False):
    """A connection was lost between COMMIT and its answer, and what came of it is known now."""

    stored: bool
    """Else it was run again."""


class Reconnected(Event, frozen=True, gc=False):
    """The database of a server does what it is asked for again, on a new connection."""


class DialogElsewhere(Event, frozen=True, gc=False):
    """A dialog has work, and another worker has it."""

    dialog: Dialog
    seconds: float
    """After which it is looked at again."""


Observer: TypeAlias = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listen to nothing."""


def all_of(*observers: Observer) -> Observer:
    """Return an observer that passes on what it hears.

    Args:
        observers: Those with an attribute `hears`, a set of kinds of events, are told these only: most events are of no
            interest to most of them.
    """
    listeners: dict[type[Event], list[Observer]] = {}

    def tell(event: Event) -> None:
        kind = type(event)
        if kind not in listeners:
            listeners[kind] = [one for one in observers if kind in getattr(one, "hears", (kind,))]
        for observer in listeners[kind]:
            observer(event)

    return tell
