"""Days relative to now: `tomorrow`, `next month`, `in 3 days`, `1 year 2 months ago`."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from maxbot.nlu.dates.element import Element, Now
from maxbot.nlu.dates.lexemes import Lexemes
from maxbot.nlu.numbers import TEENS, TENS, UNITS


class Shift(NamedTuple):
    """How far from now."""

    months: int = 0
    seconds: int = 0

    def times(self, count: int) -> "Shift":
        """Return this so many times."""
        return Shift(self.months * count, self.seconds * count)

    def plus(self, other: "Shift") -> "Shift":
        """Return both together."""
        return Shift(self.months + other.months, self.seconds + other.seconds)


DAY = 24 * 60 * 60

LONGEST_CHAIN = 9
"""Durations that one row of them may have: years to seconds."""

NAMED_DAYS = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}
COUNTS = {**UNITS, **TEENS, **TENS, "a": 1, "an": 1}
DIRECTIONS = {"next": 1, "last": -1, "this": 0}

_UNIT_WORDS = {
    Shift(seconds=1): "second seconds sec secs",
    Shift(seconds=60): "minute minutes min mins",
    Shift(seconds=60 * 60): "hour hours hr hrs h",
    Shift(seconds=DAY): "day days d",
    Shift(seconds=7 * DAY): "week weeks wk wks",
    Shift(seconds=14 * DAY): "fortnight fortnights",
    Shift(months=1): "month months mo",
    Shift(months=12): "year years yr yrs",
    Shift(months=120): "decade decades",
}
UNITS_OF_TIME = {word: shift for shift, words in _UNIT_WORDS.items() for word in words.split()}
CALENDAR = {word: UNITS_OF_TIME[word] for word in ("week", "month", "year")}


def read_shift(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Return the relative day at a place, None where there is none."""
    found = _named(lexemes, index) or _next_or_last(lexemes, index) or _durations(lexemes, index)
    if found is None:
        return None
    shift, end = found
    moment = shifted(now.moment, shift)
    return Element("shift", end, day=moment.date()) if moment else None


def shifted(moment: datetime, shift: Shift) -> datetime | None:
    """Return a moment moved by the calendar: the day is lowered to the month's last. None outside of the years."""
    month = moment.year * 12 + moment.month - 1 + shift.months
    year, month = divmod(month, 12)
    try:
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day) + timedelta(seconds=shift.seconds)
    except (OverflowError, ValueError):
        return None


def _named(lexemes: Lexemes, index: int) -> tuple[Shift, int] | None:
    word = lexemes.text(index)
    if word == "just" and lexemes.is_word(index + 1, "now"):
        return Shift(), index + 2
    if word == "now" and lexemes.is_word(index - 1, "from"):
        return None  # `3 days from now`
    if word in NAMED_DAYS:
        return Shift(seconds=NAMED_DAYS[word] * DAY), index + 1
    if word == "day" and lexemes.is_word(index + 1, "after") and lexemes.is_word(index + 2, "tomorrow"):
        return Shift(seconds=2 * DAY), index + 3
    if word == "day" and lexemes.is_word(index + 1, "before") and lexemes.is_word(index + 2, "yesterday"):
        return Shift(seconds=-2 * DAY), index + 3
    return None


def _next_or_last(lexemes: Lexemes, index: int) -> tuple[Shift, int] | None:
    direction, unit = DIRECTIONS.get(lexemes.text(index)), CALENDAR.get(lexemes.text(index + 1))
    if direction is None or unit is None:
        return None
    return unit.times(direction), index + 2


def _durations(lexemes: Lexemes, index: int) -> tuple[Shift, int] | None:
    total, end = Shift(), index
    for shift, behind in _chain(lexemes, index):
        total, end = total.plus(shift), behind
    if end == index:
        return None
    if lexemes.is_word(end, "ago", "before"):
        return total.times(-1), end + 1
    return total, end + lexemes.is_word(end, "later", "after")


def _chain(lexemes: Lexemes, index: int) -> Iterator[tuple[Shift, int]]:
    """Yield one duration after the other, each with the number of the lexeme behind it."""
    for _ in range(LONGEST_CHAIN):
        found = _duration(lexemes, index)
        if found is None:
            return
        yield found
        index = found[1]
        if lexemes.kind(index) == "comma" or lexemes.is_word(index, "and"):
            index += 1


def _duration(lexemes: Lexemes, index: int) -> tuple[Shift, int] | None:
    count = _count(lexemes, index)
    unit = UNITS_OF_TIME.get(lexemes.text(index + 1))
    if count is None or unit is None:
        return None
    glued = lexemes.items[index].end == lexemes.items[index + 1].start
    if glued and len(lexemes.text(index + 1)) == 1:
        return None  # `5h`, `5d` are no durations
    return unit.times(count), index + 2


def _count(lexemes: Lexemes, index: int) -> int | None:
    if lexemes.kind(index) == "number":
        return int(lexemes.text(index))
    return COUNTS.get(lexemes.text(index))
