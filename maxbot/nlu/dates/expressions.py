"""What stands next to each other belongs together: `tomorrow at 19:00` is one expression."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

from maxbot.nlu.dates.clock import read_time
from maxbot.nlu.dates.days import read_day
from maxbot.nlu.dates.element import Element, Now
from maxbot.nlu.dates.lexemes import Lexemes
from maxbot.nlu.dates.pairs import read_pair
from maxbot.nlu.dates.shifts import read_shift

JOINTS = frozenset(("at", "on", "by", "in", "the", "of", "and", "about"))
"""Words that belong to an expression where they stand in front of it, inside or behind."""
FRONT = JOINTS | {"before", "after"}


@dataclass
class Expression:
    """Parts that belong together, the last of a kind counts."""

    start: int
    """Number of its first lexeme."""
    end: int
    """Number of the lexeme behind it."""
    day: date | None = None
    is_relative: bool = False
    clock: time | None = None
    weekday: date | None = None
    latent: date | None = None
    month: date | None = None
    """Of a month or year: with a time of day it is no date, as a weekday is none."""
    is_pair: bool = False

    def takes(self, element: Element) -> bool:
        """Return whether an element belongs here as well."""
        match element.kind:
            case "time":
                return self.clock is None
            case _ if self.is_pair:
                return False
            case "pair":
                return self.clock is not None and not (self.day or self.weekday or self.latent or self.month)
            case "shift":
                return not (self.latent or self.month) and (self.day is None or self.is_relative)
            case "day" | "latent" | "month":
                return not (self.day or self.latent or self.month)
            case "weekday":
                return self.weekday is None
        return False

    def take(self, element: Element) -> None:
        """Add an element."""
        match element.kind:
            case "weekday":
                self.weekday = element.day
            case "month":
                self.month = element.day
            case "latent" | "pair":
                self.latent = element.day
                self.is_pair = element.kind == "pair"
            case "time":
                self.clock = element.clock
            case _:
                self.day, self.is_relative = element.day, element.kind == "shift"
                self.clock = element.clock or self.clock
        self.end = element.end


def expressions(lexemes: Lexemes, now: Now) -> Iterator[Expression]:
    """Yield the expressions of a text, in order."""
    current: Expression | None = None
    for start, element in _elements(lexemes, now):
        between = range(current.end, start) if current else ()
        if current and current.takes(element) and all(_joins(lexemes, index) for index in between):
            current.take(element)
            continue
        if current:
            yield current
            start = _first(lexemes, start, current.end)
        else:
            start = _first(lexemes, start, 0)
        current = Expression(start, element.end)
        current.take(element)
    if current:
        yield current


def _elements(lexemes: Lexemes, now: Now) -> Iterator[tuple[int, Element]]:
    index = 0
    while index < len(lexemes.items):
        element = (
            read_time(lexemes, index)
            or read_shift(lexemes, index, now)
            or read_day(lexemes, index, now)
            or read_pair(lexemes, index, now)
        )
        if element:
            yield index, element
        index = element.end if element else index + 1


def _joins(lexemes: Lexemes, index: int) -> bool:
    return lexemes.kind(index) == "comma" or lexemes.text(index) in JOINTS


def _first(lexemes: Lexemes, start: int, earliest: int) -> int:
    while start > earliest and lexemes.text(start - 1) in FRONT:
        start -= 1
    return start
