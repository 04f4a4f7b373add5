"""The timers that a turn sets and cancels: they count when it is committed."""

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias

from maxbot.errors import TurnError
from maxbot.types import Timer, TimerChanges

LONGEST_WAIT = 366 * 86400.0
"""Seconds."""

NAME_LIMIT = 200
"""Characters."""

MOST_SET = 100
"""Timers that a turn may set."""

Check: TypeAlias = Callable[[str, Any], dict[str, Any]]
"""Returns a copy of the parameters of a method; raises a `TurnError` for what the bot would refuse."""


def unchecked(name: str, params: Any) -> dict[str, Any]:
    """Take everything."""
    return dict(params or {})


class TurnTimers:
    """What a turn does to the timers of its dialog.

    Args:
        check: Knows what may be asked for.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._set: list[Timer] = []
        self._cancelled: list[str] = []

    @property
    def changes(self) -> TimerChanges:
        """All that it does."""
        return TimerChanges(tuple(self._set), tuple(self._cancelled))

    def set(self, seconds: float, name: str, params: Any = None) -> str:
        """Set one.

        Args:
            seconds: From the end of the turn, up to a year.
            name: Of the method.
            params: JSON values; None is none.

        Returns:
            What it can be cancelled by.

        Raises:
            TurnError: One of them cannot be used, or the bot has no such method.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds != seconds:
            raise TurnError(f"later: seconds is a number, not {seconds!r}")
        if not 0 <= seconds <= LONGEST_WAIT:
            raise TurnError(f"later: seconds is from 0 to {LONGEST_WAIT:.0f} (a year), and not {seconds!r}")
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT:
            raise TurnError(f"later: the name of a method has 1 to {NAME_LIMIT} characters, and is not {name!r}")
        if len(self._set) == MOST_SET:
            raise TurnError(f"later: a turn sets {MOST_SET} timers at most")
        timer = Timer(secrets.token_hex(16), float(seconds), str.__str__(name), self._check(name, params))
        self._set.append(timer)
        return timer.id

    def cancel(self, which: str) -> None:
        """Cancel those of a name, or the one with an id; it does not matter whether there are some.

        Raises:
            TurnError: It is no text.
        """
        if not isinstance(which, str):
            raise TurnError(f"cancel_later: what is cancelled is a name or an id, not {which!r}")
        self._set = [timer for timer in self._set if which not in (timer.id, timer.name)]
        if which not in self._cancelled:
            self._cancelled.append(str.__str__(which))

    def add(self, changes: TimerChanges) -> None:
        """Do what a part of the turn has done."""
        for which in changes.cancelled:
            self.cancel(which)
        self._set += changes.set


current_timers: ContextVar[TurnTimers | None] = ContextVar("current_timers", default=None)
"""Those of the turn which is running."""


def later(seconds: float, name: str, params: Any = None) -> str:
    """Set a timer, in a template."""
    return _current().set(seconds, name, params)


def cancel_later(which: str) -> str:
    """Cancel timers, in a template; return nothing to be said."""
    _current().cancel(which)
    return ""


def _current() -> TurnTimers:
    timers = current_timers.get()
    if timers is None:
        raise TurnError("timers are set while a turn runs")
    return timers
