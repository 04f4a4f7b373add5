"""The entities `date`, `time` and `latent_date` of a text."""

from collections.abc import Iterator
from datetime import UTC, datetime

from maxbot.nlu.dates.element import Now
from maxbot.nlu.dates.expressions import JOINTS, Expression, expressions
from maxbot.nlu.dates.lexemes import Lexemes
from maxbot.nlu.entities import RecognizedEntity


def find_dates(text: str, utc_time: datetime) -> list[RecognizedEntity]:
    """Return dates (`YYYY-MM-DD`) and times (`HH:MM:SS`) of a text, in order.

    Args:
        text: What the user wrote.
        utc_time: What `tomorrow` and the like refer to.

    Returns:
        The complete ones. Only if there is none at all: those that lack a part, as `latent_date`.
    """
    lexemes = Lexemes(text)
    if not lexemes.items:
        return []
    now = Now(utc_time.astimezone(UTC).replace(tzinfo=None) if utc_time.tzinfo else utc_time)
    found = list(expressions(lexemes, now))
    complete = [expression for expression in found if _is_complete(expression)]
    ends = _ends(lexemes, found)
    return [find for expression in complete or found for find in _finds(text, lexemes, expression, ends)]


def _is_complete(expression: Expression) -> bool:
    return expression.latent is None and (expression.day is not None or expression.clock is not None)


def _ends(lexemes: Lexemes, found: list[Expression]) -> dict[int, int]:
    """Return where each expression ends, by its start: words that join belong to it, up to the next one."""
    starts = [expression.start for expression in found] + [len(lexemes.items)]
    ends = {}
    for expression, limit in zip(found, starts[1:], strict=True):
        last = expression.end - 1
        while last + 1 < limit and lexemes.text(last + 1) in JOINTS:
            last += 1
        ends[expression.start] = lexemes.items[last].end
    return ends


def _finds(text: str, lexemes: Lexemes, expression: Expression, ends: dict[int, int]) -> Iterator[RecognizedEntity]:
    start, end = lexemes.items[expression.start].start, ends[expression.start]
    literal = text[start:end]
    if expression.day:
        yield RecognizedEntity("date", expression.day.isoformat(), literal, start, end)
    elif expression.latent or ((expression.weekday or expression.month) and not expression.clock):
        day = expression.latent or expression.month or expression.weekday
        assert day is not None
        yield RecognizedEntity("latent_date", day.isoformat(), literal, start, end)
    if expression.clock:
        yield RecognizedEntity("time", expression.clock.isoformat(), literal, start, end)
