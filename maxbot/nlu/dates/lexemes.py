"""The pieces of a text that dates and times are made of."""

import re
from typing import NamedTuple


class Lexeme(NamedTuple):
    """A word, number, date in digits, time of day, comma, or something else (`other`)."""

    kind: str
    text: str
    """In small letters."""
    start: int
    end: int
    loose: bool
    """Whether it stands alone: `2024` in `room 2024.`, not in `$2024` or `2024x`."""


_KINDS = re.compile(
    r"""
    (?P<iso> (?<![\w/.,-]) \d{4}(?P<mark>[-/])\d{1,2}(?P=mark)\d{1,2}
        (?: T\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})? )? (?![\w/]|[.,-]\d) )
  | (?P<digits> (?<![\w/.,-]) \d{1,2} (?: (?P<sign>[-/])\d{1,2}(?P=sign)(?:\d{4}|\d{2}) | \.\d{1,2}\.\d{4} )
        (?![\w/]|[.,-]\d) )
  | (?P<month_year> (?<![\w/.,-]) \d{1,2}/\d{4} (?![\w/]|[.,-]\d) )
  | (?P<pair> (?<![\w/.,-]) \d{1,2}[-/]\d{1,2} (?![\w/]|[.,-]\d) )
  | (?P<clock> (?<![\w:.,]) \d{1,2}:\d{2}(?::\d{2})? (?![\d:]) )
  | (?P<half> [ap](?:\.m\b\.?|m\b) )
  | (?P<decimal> \d{1,100}(?:[.:/]\d{1,100}|,\d{3}(?!\d)){1,100} )
  | (?P<ordinal> \d{1,2}(?:st|nd|rd|th)\b )
  | (?P<number> \d+ )
  | (?P<word> [^\W\d_](?:\w|['’](?=\w))* )
  | (?P<comma> , )
  | (?P<other> \S )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

MAX_DIGITS = 6
"""Longer rows of digits are no part of a date."""

_BEFORE = frozenset(" \t\n\r(\"'“‘,")
_BEHIND = frozenset(" \t\n\r)\"'”’,.;:")
_BEHIND_A_SENTENCE = _BEHIND | frozenset("!?")


def lexemes(text: str) -> list[Lexeme]:
    """Return the pieces of a text, in order."""
    found = []
    for match in _KINDS.finditer(text):
        kind = match.lastgroup or "other"
        start, end = match.span()
        if kind == "number" and end - start > MAX_DIGITS:
            kind = "other"
        found.append(Lexeme(kind, match.group().lower(), start, end, _is_loose(text, start, end)))
    return found


def _is_loose(text: str, start: int, end: int) -> bool:
    behind = _BEHIND_A_SENTENCE if start else _BEHIND  # `2024!` says less than `in 2024!`
    return (start == 0 or text[start - 1] in _BEFORE) and (end == len(text) or text[end] in behind)


class Lexemes:
    """The pieces of a text, to be looked at by number; behind the end there is nothing."""

    def __init__(self, text: str) -> None:
        self.items = lexemes(text)
        self._text = text

    def kind(self, index: int) -> str:
        """Return the kind of a piece, `""` where there is none."""
        return self.items[index].kind if 0 <= index < len(self.items) else ""

    def text(self, index: int) -> str:
        """Return the text of a piece in small letters, `""` where there is none."""
        return self.items[index].text if 0 <= index < len(self.items) else ""

    def is_capital(self, index: int) -> bool:
        """Return whether a piece begins with a capital letter where no sentence begins."""
        return self.kind(index - 1) in ("word", "comma") and self._text[self.items[index].start].isupper()

    def is_word(self, index: int, *words: str) -> bool:
        """Return whether a piece is one of some words."""
        return self.text(index) in words
