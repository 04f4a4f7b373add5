"""Days of the calendar: `May 29, 2025`, `2025-05-29`, `the 8th of May`, `Friday`."""

import re
from calendar import monthrange
from datetime import date, time

from maxbot.nlu.dates.element import Element, Now
from maxbot.nlu.dates.lexemes import Lexemes
from maxbot.nlu.dates.shifts import Shift, shifted

_MONTH_NAMES = "january february march april may june july august september october november december"
MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
MONTHS |= {name[:3]: number for name, number in MONTHS.items()} | {"sept": 9}

_WEEKDAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday"
WEEKDAYS = {name: number for number, name in enumerate(_WEEKDAY_NAMES.split())}
WEEKDAYS |= {name[:3]: number for name, number in WEEKDAYS.items()} | {"tues": 1, "thur": 3, "thurs": 3}

_NUMBERS = re.compile(r"\d+")


def read_day(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Return the day at a place, a whole one or one that lacks a part, None where there is none."""
    match lexemes.kind(index):
        case "iso":
            return _iso(lexemes, index)
        case "digits":
            day = _in_digits(lexemes.text(index))
            return Element("day", index + 1, day=day) if day else None
        case "month_year":
            month, year = map(int, lexemes.text(index).split("/"))
            return _latent(index + 1, in_month(year, month, now), is_month=True)
        case "number" | "ordinal":
            return _day_then_month(lexemes, index, now)
        case "pair":
            return _pair_then_month(lexemes, index, now)
        case "word":
            return _weekday(lexemes, index, now) or _month_then_day(lexemes, index, now)
    return None


def day_of(year: int, month: int, day: int) -> date | None:
    """Return a day, None for an impossible one."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def next_day(month: int, day: int, now: Now) -> date | None:
    """Return the next such day after today; of February 29 that of the next leap year."""
    years = range(now.day.year, now.day.year + 9)
    return next((found for year in years if (found := day_of(year, month, day)) and found > now.day), None)


def in_month(year: int, month: int, now: Now) -> date | None:
    """Return today's day in a month, lowered to its last."""
    first = day_of(year, month, 1)
    return first.replace(day=min(now.day.day, monthrange(year, month)[1])) if first else None


def _iso(lexemes: Lexemes, index: int) -> Element | None:
    written, _, clock = lexemes.text(index).partition("t")
    year, month, day = map(int, _NUMBERS.findall(written))
    found = day_of(year, month, day)
    if found is None or not clock:
        return Element("day", index + 1, day=found) if found else None
    hour, minute, second = [*map(int, _NUMBERS.findall(clock[:8])), 0][:3]
    try:
        return Element("moment", index + 1, day=found, clock=time(hour, minute, second))
    except ValueError:
        return None


def _in_digits(text: str) -> date | None:
    first, second, year = map(int, _NUMBERS.findall(text))
    if "." in text:
        return day_of(year, second, first)
    year += 2000 if year < 100 else 0
    return day_of(year, first, second) or day_of(year, second, first)


def _day_then_month(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Read `29 May 2025`, `8th of May`, `29-May-2025`."""
    behind = _skip(lexemes, index + 1, "of", "-", "/", ".")
    month = MONTHS.get(lexemes.text(behind))
    day = _day_number(lexemes, index)
    return _with_year(lexemes, behind + 1, month, day, now) if month and day else None


def _pair_then_month(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Read `3-4 May 2025` as its first day."""
    month = MONTHS.get(lexemes.text(index + 1))
    day = int(_NUMBERS.findall(lexemes.text(index))[0])
    return _with_year(lexemes, index + 2, month, day, now) if month else None


def _month_then_day(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    """Read `May 29, 2025`, `May 8`, `May 2025`, `May`."""
    month = MONTHS.get(lexemes.text(index))
    if not month:
        return None
    behind = _skip(lexemes, index + 1, "-", ".")
    behind += lexemes.is_word(behind, "the") and lexemes.kind(behind + 1) == "ordinal"
    day = _day_number(lexemes, behind)
    if day and lexemes.kind(behind + 1) != "half":
        found = _with_year(lexemes, behind + 1, month, day, now)
        if found:
            return found
    year = _year(lexemes, _skip(lexemes, index + 1, ",", "of"))
    if year:
        return _latent(_skip(lexemes, index + 1, ",", "of") + 1, in_month(year, month, now), is_month=True)
    if lexemes.text(index) == "may" and not _is_month(lexemes, index):
        return None
    return _latent(index + 1, _next_month(month, now), is_month=True)


def _is_month(lexemes: Lexemes, index: int) -> bool:
    """Return whether `may` is the month: a verb, where nothing says otherwise."""
    alone = len(lexemes.items) == 1
    return alone or lexemes.is_word(index - 1, "in", "of", "by", "on", "for") or lexemes.is_capital(index)


def _with_year(lexemes: Lexemes, index: int, month: int, day: int, now: Now) -> Element | None:
    behind = _skip(lexemes, index, ",", "of", "-", "/")
    year = _year(lexemes, behind) or _short_year(lexemes, index, now)
    if year:
        behind = behind if _year(lexemes, behind) else index
        found = day_of(year, month, day)
        return Element("day", behind + 1, day=found) if found else None
    return _latent(index, next_day(month, day, now))


def _weekday(lexemes: Lexemes, index: int, now: Now) -> Element | None:
    word = lexemes.text(index)
    if word not in WEEKDAYS or (word in ("sun", "sat") and lexemes.is_word(index - 1, "the")):
        return None
    ahead = (WEEKDAYS[word] - now.day.weekday() - 1) % 7 + 1
    moment = shifted(now.moment, Shift(seconds=ahead * 24 * 60 * 60))
    return Element("weekday", index + 1, day=moment.date()) if moment else None


def _day_number(lexemes: Lexemes, index: int) -> int | None:
    if lexemes.kind(index) not in ("number", "ordinal"):
        return None
    digits = lexemes.text(index).rstrip("stndrh")
    return int(digits) if len(digits) <= 2 and 1 <= int(digits) <= 31 else None


def _year(lexemes: Lexemes, index: int) -> int | None:
    digits = lexemes.text(index)
    return int(digits) if lexemes.kind(index) == "number" and len(digits) == 4 and int(digits) else None


def _short_year(lexemes: Lexemes, index: int, now: Now) -> int | None:
    """Read the year of `29 May 25`: one of the next twenty."""
    digits = lexemes.text(index)
    if lexemes.kind(index) != "number" or len(digits) != 2 or lexemes.kind(index + 1) == "half":
        return None
    year = now.day.year // 100 * 100 + int(digits)
    return year if now.day.year <= year <= now.day.year + 20 else None


def _skip(lexemes: Lexemes, index: int, *texts: str) -> int:
    return index + lexemes.is_word(index, *texts)


def _latent(end: int, day: date | None, *, is_month: bool = False) -> Element | None:
    return Element("month" if is_month else "latent", end, day=day) if day else None


def _next_month(month: int, now: Now) -> date | None:
    """Return today's day in the next such month, not in this one."""
    return in_month(now.day.year + (month <= now.day.month), month, now)
