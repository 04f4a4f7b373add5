"""Bots for users who do not write English: tokens by spaCy, dates by dateparser, digits by Babel.

`pip install 'maxbot[languages]'`. What the libraries do is theirs: they know more languages than we could, and less of
each than our English. spaCy works without any of its language models.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from babel.core import Locale, UnknownLocaleError
from babel.numbers import NumberFormatError, parse_decimal

from maxbot.errors import BotError
from maxbot.extensions.builder import Builder
from maxbot.nlu.entities import RecognizedEntity
from maxbot.nlu.language import Language
from maxbot.nlu.tokens import Token

LONGEST_TEXT = 500
"""Characters of a message in which dates are looked for: dateparser takes milliseconds for each sentence."""

LONGEST_NUMBER = 100

_DIGITS = re.compile(r"[+-]?\d[\d.,'’\xa0\u202f]*")

_log = logging.getLogger(__name__)


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Put a language in place of English.

    Args:
        builder: Of the bot.
        config: `language`, the ISO 639-1 code as `de`, required.

    Raises:
        BotError: No language is given, a library is missing or does not know it.
    """
    code = config.get("language")
    if not isinstance(code, str) or set(config) != {"language"}:
        raise BotError("the extension 'language' needs one key: 'language', with a code as 'de'")
    builder.language = Language(tokeniser(code), numbers_of(code), dates_of(code))


def tokeniser(code: str) -> Callable[[str], list[Token]]:
    """Return the function that cuts texts of a language.

    Raises:
        BotError: spaCy is not installed, or does not know the language.
    """
    try:
        import spacy

        cut = spacy.blank(code).tokenizer
    except ImportError as error:
        raise BotError(f"tokens of {code!r} need a library, pip install 'maxbot[languages]': {error}") from error

    def tokenise(text: str) -> list[Token]:
        # Half a surrogate pair is no text for spaCy; a question mark keeps the positions of all others.
        readable = text.encode("utf-8", "replace").decode()
        return [Token(text[token.idx : token.idx + len(token)], token.idx) for token in cut(readable)]

    return tokenise


def numbers_of(code: str) -> Callable[[str, list[Token]], Iterable[RecognizedEntity]]:
    """Return the function that finds numbers in digits, with the marks of a language: `1.234,50`.

    Raises:
        BotError: Babel does not know the language.
    """
    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        raise BotError(f"there is no language {code!r}") from None

    def find_numbers(text: str, tokens: list[Token]) -> Iterator[RecognizedEntity]:
        for token in tokens:
            value = _number(token.text, locale)
            if value is not None:
                yield RecognizedEntity("number", value, token.text, token.start, token.end)

    return find_numbers


def dates_of(code: str) -> Callable[[str, datetime], list[RecognizedEntity]]:
    """Return the function that finds dates and times in texts of a language.

    Raises:
        BotError: dateparser is not installed, or does not know the language.
    """
    try:
        from dateparser.search import search_dates

        search_dates("1", languages=[code])  # reads what it knows of the language
    except ImportError as error:
        raise BotError(f"dates of {code!r} need a library, pip install 'maxbot[languages]': {error}") from error
    except ValueError as error:
        raise BotError(f"dateparser does not know the language {code!r}: {error}") from error

    def find_dates(text: str, utc_time: datetime) -> list[RecognizedEntity]:
        now = utc_time.astimezone(UTC).replace(tzinfo=None) if utc_time.tzinfo else utc_time
        try:
            return _find_dates(text[:LONGEST_TEXT], code, now)
        except Exception as error:  # a library's own mistakes must not fail a turn
            _log.warning("dates of a message could not be read: %s", type(error).__name__)
            return []

    return find_dates


def _number(text: str, locale: Locale) -> int | Decimal | None:
    if len(text) > LONGEST_NUMBER or not _DIGITS.fullmatch(text):
        return None
    try:
        value = parse_decimal(text, locale, strict=True)
    except NumberFormatError:
        return None
    return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else value


def _find_dates(text: str, code: str, now: datetime) -> list[RecognizedEntity]:
    """Look for complete dates and for times; only where there are none, for those that lack a part."""
    whole = list(_search(text, code, now, strict=True))
    known = {start for _, start, _ in whole}
    rest = [find for find in _search(text, code, now, strict=False) if find[1] not in known]
    complete = [find for parts in (whole, rest) for find in parts if parts is whole or _has_time(*find[::2], code, now)]
    found = []
    for literal, start, moment in sorted(complete or rest, key=lambda find: find[1]):
        day = "date" if (literal, start, moment) in whole else "" if complete else "latent_date"
        place = literal, start, start + len(literal)
        if day == "latent_date" and not any(map(str.isalpha, literal)):
            continue  # `3,5` is a number where people write so
        if day:
            found.append(RecognizedEntity(day, moment.date().isoformat(), *place))
        if _has_time(literal, moment, code, now):
            found.append(RecognizedEntity("time", moment.time().isoformat("seconds"), *place))
    return found


def _search(text: str, code: str, now: datetime, *, strict: bool) -> Iterator[tuple[str, int, datetime]]:
    """Yield literal, position and moment of what dateparser finds."""
    from dateparser.search import search_dates

    behind = 0
    for literal, moment in search_dates(text, languages=[code], settings=_settings(now, strict=strict)) or ():
        start = text.find(literal, behind)
        if start >= 0:
            behind = start + len(literal)
            yield literal, start, moment


def _has_time(literal: str, moment: datetime, code: str, now: datetime) -> bool:
    from dateparser.date import DateDataParser

    found = DateDataParser(languages=[code], settings=_settings(now, strict=False)).get_date_data(literal)
    return found is not None and found.period == "time"


def _settings(now: datetime, *, strict: bool) -> dict[str, Any]:
    return {
        "RELATIVE_BASE": now,
        "PREFER_DATES_FROM": "future",
        "STRICT_PARSING": strict,
        "RETURN_TIME_AS_PERIOD": True,
    }
