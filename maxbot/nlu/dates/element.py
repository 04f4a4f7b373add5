"""A part of an expression of date and time."""

from datetime import date, datetime, time
from typing import Literal, NamedTuple


class Now(NamedTuple):
    """The time of the turn, in UTC."""

    moment: datetime
    """Without a zone."""

    @property
    def day(self) -> date:
        """Today."""
        return self.moment.date()


class Element(NamedTuple):
    """What was read at a place of a text."""

    kind: Literal["day", "shift", "weekday", "latent", "month", "pair", "time", "moment"]
    """A whole date, one relative to now, a weekday, a day without its year, a month or year without its day, two
    numbers, a time of day, a date with its time of day.
    """
    end: int
    """Number of the lexeme behind it."""
    day: date | None = None
    clock: time | None = None
