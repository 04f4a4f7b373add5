"""Filters that make dates and times of texts and numbers: `slots.date|date`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.parser import parse
from dateutil.tz import tzlocal, tzstr
from jinja2 import pass_context
from jinja2.runtime import Context

from maxbot.extensions.builder import Builder

_OFFSET = re.compile("(UTC|GMT)[+-](1[0-4]|[0-9])")

LONGEST_TEXT = 100
"""Characters of a text that is a date or time."""


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Add the filters."""
    builder.add_template_filter(to_datetime, "datetime")
    builder.add_template_filter(to_date, "date")
    builder.add_template_filter(to_time, "time")
    builder.add_template_filter(to_zone, "tz")


@pass_context
def to_datetime(context: Context, value: Any) -> datetime:
    """Return a moment; in UTC where nothing else is said, today where no day is.

    Args:
        context: Of the template; its `utc_time` tells what today is.
        value: A text as `3 Feb 2022 7am`, the seconds since 1970, a `datetime`, `date` (midnight) or `time`.

    Raises:
        ValueError: It cannot be read, or is out of range.
        TypeError: It is something else.
    """
    if isinstance(value, time):
        value = datetime.combine(_now(context), value)
    moment = _moment(context, value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pass_context
def to_date(context: Context, value: Any) -> date:
    """Return the day of a moment as it is written; zones are not converted.

    Raises:
        ValueError: It cannot be read, or is out of range.
        TypeError: It is something else, as a `time`.
    """
    return _moment(context, value).date()


@pass_context
def to_time(context: Context, value: Any) -> time:
    """Return the time of day with its zone, UTC where nothing else is said.

    Raises:
        ValueError: It cannot be read, or is out of range.
        TypeError: It is something else, as a `date`.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        raise TypeError("a date has no time of day")
    read = value if isinstance(value, time) else _moment(context, value).timetz()
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def to_zone(name: Any) -> tzinfo:
    """Return a time zone by its name, as `Asia/Seoul` or `UTC+3`; the empty name is the machine's own.

    Raises:
        ValueError: There is none of this name.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a time zone is a text, not {type(name).__name__}")
    if not name:
        return tzlocal()
    if _OFFSET.fullmatch(name):
        return tzstr(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


def _moment(context: Context, value: Any) -> datetime:
    match value:
        case datetime():
            return value
        case date():
            return datetime.combine(value, time())
        case bool():
            raise TypeError("a flag is no moment")
        case int() | float():
            return _since_1970(value)
        case str():
            return _read(value, _now(context))
    raise TypeError(f"a moment is a text, number, datetime, date or time, not {type(value).__name__}")


def _since_1970(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("so many seconds since 1970 are no moment") from None


def _read(text: str, now: datetime) -> datetime:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a date or time has at most {LONGEST_TEXT} characters")
    today = datetime.combine(now.date(), time())
    try:
        return parse(text, default=today, tzinfos=_zone)
    except (OverflowError, ValueError, TypeError, RecursionError):
        raise ValueError(f"{text!r} cannot be read as a date or time") from None


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    return None if offset is None else timezone(timedelta(seconds=offset))


def _now(context: Context) -> datetime:
    now = context.get("utc_time")
    return now if isinstance(now, datetime) else datetime.now(UTC)
