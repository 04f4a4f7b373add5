"""What a simulated run is told to do, and what it tells afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What the platform makes of one attempt."""

    SENT = "sent"
    BUSY = "not sent, try later"
    BUSY_FOR_30 = "not sent, try in 30 seconds"
    ANSWER_LOST = "sent, but the answer is lost"
    REQUEST_LOST = "not sent, and nobody can know"
    REFUSED = "never will be"
    BUG = "the channel raises what it should not"


class Conduct(Enum):
    """What the bot makes of a message."""

    ANSWERS = "answers"
    THINKS = "answers after a while"
    RAISES = "raises"
    HANGS = "takes longer than it may"


@dataclass(frozen=True)
class Delivered:
    """One update as the platform delivers it."""

    user: int
    wait: float = 0.0
    """Seconds after the one before."""
    worker: int = 0
    again: float | None = None
    """After how many seconds it is delivered once more, though it was acknowledged."""
    conduct: Conduct = Conduct.ANSWERS
    replies: tuple[bool, ...] = (True,)
    """For each reply, whether it may be sent again."""
    early: int = 0
    """How many of them, the first ones, leave before the turn ends."""


@dataclass(frozen=True)
class Plan:
    """All that happens to a run from outside."""

    updates: Sequence[Delivered]
    outcomes: Sequence[Outcome] = ()
    """Of the first attempts; all later ones succeed."""
    delays: Sequence[float] = (0.001,)
    """Seconds, for one step of database, platform or bot after the other; then from the start again."""
    database_fails_at: frozenset[int] = frozenset()
    """Numbers of transactions."""
    deaths: Sequence[int] = ()
    """After how many steps since the last death the worker that takes the step dies, before it takes effect."""
    workers: int = 2
    locks_work: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Attempt:
    """A command that reached the platform."""

    at: float
    dialog: str
    turn: int
    """Number of the update that it answers."""
    position: int
    key: str
    outcome: Outcome
    resend: bool
    run: int = 0
    """Which run of a turn, counted over all turns, made it."""

    @property
    def delivered(self) -> bool:
        return self.outcome in (Outcome.SENT, Outcome.ANSWER_LOST)


@dataclass
class History:
    """What the outside saw of a run, and what the database holds at its end."""

    plan: Plan
    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Number of an update → when its first delivery was made and when the first acknowledgement came."""
    overlaps: int = 0
    """How often two workers alive sent to a dialog at the same moment."""
    deaths: int = 0
    states: dict[str, list[int]] = field(default_factory=dict)
    """Dialog → the numbers that its turns appended to its state."""
    dead_updates: set[int] = field(default_factory=set)
    dead_commands: list[tuple[int, int]] = field(default_factory=list)
    """(number of the update, position)"""
    left: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    drained_at: float = 0.0
