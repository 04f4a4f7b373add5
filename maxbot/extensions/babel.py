"""Filters that print dates, times and money as people of a country write them. What they print is Babel's."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import dates, numbers
from babel.core import Locale, UnknownLocaleError, default_locale
from jinja2 import pass_context
from jinja2.runtime import Context

from maxbot.extensions.builder import Builder
from maxbot.extensions.datetime import to_date, to_datetime, to_time, to_zone


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Add the filters.

    Args:
        builder: Of the bot.
        config: `locale`, `tz` and `currency`, none of them required.

    Raises:
        ValueError: There is no such time zone.
    """
    formats = Formats(config.get("locale"), config.get("tz"), config.get("currency"))
    builder.add_template_filter(formats.format_datetime, "format_datetime")
    builder.add_template_filter(formats.format_date, "format_date")
    builder.add_template_filter(formats.format_time, "format_time")
    builder.add_template_filter(formats.format_currency, "format_currency")


class Formats:
    """The filters, with what the bot says of its place.

    Args:
        locale: As `de_DE`; None takes that of the environment.
        tz: A time zone; None keeps that of each value.
        currency: ISO code of money, where a template names none.
    """

    def __init__(self, locale: str | None, tz: str | None, currency: str | None) -> None:
        self._locale = locale
        self._tz = to_zone(tz) if tz else None
        self._currency = currency

    @pass_context
    def format_datetime(
        self, context: Context, value: Any, format: str = "medium", locale: str | None = None, tz: str | None = None
    ) -> str:
        """Print a moment, in the zone that is given or the bot's; without one in its own."""
        moment: datetime = to_datetime(context, value)
        return dates.format_datetime(moment, format, self._zone(tz), self._locale_of(locale, "LC_TIME"))

    @pass_context
    def format_date(self, context: Context, value: Any, format: str = "medium", locale: str | None = None) -> str:
        """Print the day of a moment as it is written; zones are not converted."""
        return dates.format_date(to_date(context, value), format, self._locale_of(locale, "LC_TIME"))

    @pass_context
    def format_time(
        self, context: Context, value: Any, format: str = "medium", locale: str | None = None, tz: str | None = None
    ) -> str:
        """Print a time of day; only that of a `datetime` is converted to a zone."""
        place = self._locale_of(locale, "LC_TIME")
        if isinstance(value, datetime):
            return dates.format_time(to_datetime(context, value), format, self._zone(tz), place)
        read = to_time(context, value)
        return dates.format_time(read.replace(tzinfo=None), format, self._zone(tz) or read.tzinfo or UTC, place)

    def format_currency(
        self,
        value: Any,
        currency: str | None = None,
        format: str | None = None,
        locale: str | None = None,
        currency_digits: bool = True,
    ) -> str:
        """Print an amount of money, a number or a text of one.

        Raises:
            ValueError: It is no number, or no currency is given.
        """
        unit = currency or self._currency
        if not unit:
            raise ValueError("format_currency needs a currency: an argument, or 'currency' of the extension")
        place = self._locale_of(locale, "LC_NUMERIC")
        return numbers.format_currency(_amount(value), unit, format, place, currency_digits)

    def _zone(self, name: str | None) -> tzinfo | None:
        return to_zone(name) if name else self._tz

    def _locale_of(self, name: str | None, category: str) -> Locale:
        wanted = name or self._locale or default_locale(category) or "en_US_POSIX"
        try:
            return Locale.parse(wanted)
        except UnknownLocaleError:
            raise ValueError(f"there is no locale {wanted!r}") from None


def _amount(value: Any) -> Decimal | int | float:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount of money") from None
