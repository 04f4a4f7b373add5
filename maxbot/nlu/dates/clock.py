"""Times of day: `17:30`, `9:15 pm`, `5 pm`, `noon`."""

from datetime import time

from maxbot.nlu.dates.element import Element
from maxbot.nlu.dates.lexemes import Lexemes

NAMED = {"noon": time(12), "midday": time(12), "midnight": time(0)}


def read_time(lexemes: Lexemes, index: int) -> Element | None:
    """Return the time of day at a place, None where there is none."""
    if lexemes.text(index) in NAMED:
        return Element("time", index + 1, clock=NAMED[lexemes.text(index)])
    kind = lexemes.kind(index)
    half = lexemes.text(index + 1)[0] if lexemes.kind(index + 1) == "half" else ""
    if kind != "clock" and not (kind == "number" and half):
        return None
    numbers = [int(part) for part in lexemes.text(index).split(":")]
    read = _time_of_day(numbers, half)
    return Element("time", index + 1 + bool(half), clock=read) if read else None


def _time_of_day(numbers: list[int], half: str) -> time | None:
    hour, minute, second = [*numbers, 0, 0][:3]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif half and len(numbers) == 1:
        return None
    try:
        return time(hour, minute, second)
    except ValueError:
        return None
