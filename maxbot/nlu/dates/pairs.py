"""Two small numbers, and four digits alone: dates that only a bot that asks for one takes for such."""

from datetime import date
from typing import Literal

from maxbot.nlu.dates.days import day_of, in_month, next_day
from maxbot.nlu.dates.element import Element, Now
from maxbot.nlu.dates.lexemes import Lexemes
from maxbot.nlu.numbers import TEENS, UNITS

BETWEEN = frozenset(("and", "of", "by", "in", "on", "at", ","))
SMALL = {word: number for word, number in {**UNITS, **TEENS}.items() if 1 <= number <= 12}


def read_pair(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Return the date of two numbers (`5/6`, `20 and 30`) or of a year at a place, None where there is none."""
    if lexemes.kind(index) == "pair":
        first, second = map(int, lexemes.text(index).replace("-", "/").split("/"))
        return _element(index + 1, _day_of_pair(first, second, now)) if lexemes.items[index].loose else None
    if _is_year(lexemes, index):
        return _element(index + 1, _in_year(int(lexemes.text(index)), now), "month")
    first_number, behind = _small(lexemes, index), _behind_joints(lexemes, index + 1)
    if first_number and _is_year(lexemes, behind) and behind == index + 1:  # `5 2024`
        day = in_month(int(lexemes.text(behind)), first_number, now) if first_number <= 12 else None
        return _element(behind + 1, day, "month") if day else None
    second_number = _small(lexemes, behind)
    if first_number is None or second_number is None or _has_neighbour(lexemes, index, behind):
        return None
    return _element(behind + 1, _day_of_pair(first_number, second_number, now))


def _behind_joints(lexemes: Lexemes, index: int, step: int = 1) -> int:
    for _ in range(3):
        index += step if lexemes.text(index) in BETWEEN else 0
    return index


def _has_neighbour(lexemes: Lexemes, first: int, second: int) -> bool:
    """Return whether there is a third number: rows of them are no dates."""
    before, behind = _behind_joints(lexemes, first - 1, -1), _behind_joints(lexemes, second + 1)
    return _small(lexemes, before) is not None or _small(lexemes, behind) is not None


def _element(end: int, day: date | None, kind: Literal["pair", "month"] = "pair") -> Element | None:
    return Element(kind, end, day=day) if day else None


def _small(lexemes: Lexemes, index: int) -> int | None:
    if _is_loose(lexemes, index) and len(lexemes.text(index)) <= 2:
        return int(lexemes.text(index))
    return SMALL.get(lexemes.text(index))


def _is_year(lexemes: Lexemes, index: int) -> bool:
    return _is_loose(lexemes, index) and len(lexemes.text(index)) == 4


def _is_loose(lexemes: Lexemes, index: int) -> bool:
    return lexemes.kind(index) == "number" and lexemes.items[index].loose


def _day_of_pair(first: int, second: int, now: Now) -> date | None:
    """Read month and day, swapped if needed; a number above 31 is a year, and so is the second of two above 12."""
    for month, day in ((first, second), (second, first)):
        if 1 <= month <= 12 and 1 <= day <= 31:
            return next_day(month, day, now)
    small, year = (second, first) if first > 31 else (first, second)
    if not 1 <= small <= 31:
        return None
    month, day = (small, now.day.day) if small <= 12 else (now.day.month, small)
    if year == 0:
        return None
    found = day_of(2000 + year, month, day)
    return day_of(2100 + year, month, day) if found and found < now.day else found


def _in_year(year: int, now: Now) -> date | None:
    return day_of(year, now.day.month, now.day.day) or day_of(year, now.day.month, now.day.day - 1)
