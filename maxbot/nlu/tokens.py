"""Tokens: the words and marks of a text. Together they cover it, but for single blanks between them.

Source of the rules: the English tokenizer of spaCy, which bots were written for. Every step looks at a bounded piece of
the text, so that the time grows with its length alone.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple
from unicodedata import category

from maxbot.nlu.contractions import pieces_of_words
from maxbot.nlu.links import looks_like_link

EXCEPTIONS = pieces_of_words()
LONGEST_EXCEPTION = max(map(len, EXCEPTIONS))

QUOTES = frozenset("'\"”“`‘´’‚„»«")
MARKS = QUOTES | frozenset("…,:;!?¿¡()[]{}<>_#*&·،؛؟٪۔।、。〈〉《》「」『』【】〔〕⟦⟧！（），：；？～")
CURRENCIES = frozenset("$£€¥฿﷼") | frozenset(map(chr, range(0x20A0, 0x20D0)))
LONG_CURRENCIES = ("US$", "C$", "A$")
DASHES = frozenset("—–")
JOINTS = DASHES | frozenset("…")
PREFIXES = MARKS | CURRENCIES | DASHES | frozenset("§%=")
SUFFIXES = MARKS | DASHES
POSSESSIVES = frozenset(("'s", "'S", "’s", "’S"))
UNITS = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg"
    " µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K %"
    " км км² км³ м м² м³ дм см мм"
    " нм кг г мг м/с км/ч кПа Па"
    " мбар Кб КБ кб Мб МБ мб Гб"
    " ГБ гб Тб ТБ тб م"
)
BEHIND_DIGITS = CURRENCIES | frozenset((*UNITS.split(), *LONG_CURRENCIES, "+"))
LONGEST_UNIT = max(map(len, BEHIND_DIGITS))
AROUND_DOT = QUOTES | frozenset(",")
BEFORE_FINAL_DOT = MARKS | frozenset("%²-+|")

_RUNS = re.compile(r"\s+|\S+")
_INFIX = re.compile(
    r"""
    \.\.+ | …
  | (?<=[0-9]) [+\-*^] (?=[0-9-])
  | (?<=[^\W\d_²³¹]) , (?=[^\W\d_²³¹])
  | (?<=[^\W_²³¹]) (?: --- | -- | —— | [-–—~] | [:<>=/] ) (?=[^\W\d_²³¹])
  | \. | [^\w\s\x00-\x7f–—]
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A word or mark."""

    text: str
    start: int
    """Position of its first character in the text."""

    @property
    def end(self) -> int:
        """Position behind its last character."""
        return self.start + len(self.text)


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text, in order."""
    tokens: list[Token] = []
    for run in _RUNS.finditer(text):
        start, end = run.span()
        if text[start].isspace():
            start += bool(tokens) and text[start] == " "  # the separator behind a token
            pieces = [end - start] if start < end else []
        else:
            pieces = list(_pieces(run.group()))
        for length in pieces:
            tokens.append(Token(text[start : start + length], start))
            start += length
    return tokens


def words(text: str) -> list[str]:
    """Return the tokens of a text in small letters."""
    return [token.text.lower() for token in tokenise(text)]


@lru_cache(4096)
def is_symbol(char: str) -> bool:
    """Return whether it is a sign like © or an arrow, or an emoji."""
    return category(char) == "So"


def _pieces(run: str) -> tuple[int, ...]:
    """Return the lengths of the tokens of a run of characters other than white space."""
    if run in EXCEPTIONS:
        return EXCEPTIONS[run]
    if run.isalpha():
        return (len(run),)  # most words: nothing to take off
    pieces = _cut(run, _is_exception)
    return _glued(run, pieces) if len(pieces) > 1 else pieces


def _cut(run: str, is_exception: Callable[[str, int, int], bool]) -> tuple[int, ...]:
    start, end = 0, len(run)
    prefixes: list[int] = []
    suffixes: list[int] = []
    while start < end and not is_exception(run, start, end):
        prefix = _prefix(run, start, end)
        suffix = _suffix(run, start + prefix, end)
        if prefix and is_exception(run, start + prefix, end):
            suffix = 0
        elif suffix and is_exception(run, start, end - suffix):
            prefix = 0
        if not prefix and not suffix:
            break
        start, end = start + prefix, end - suffix
        prefixes += [prefix] if prefix else []
        suffixes += [suffix] if suffix else []
    rest = run[start:end]
    middle = EXCEPTIONS[rest] if is_exception(run, start, end) else tuple(_middle(rest))
    return (*prefixes, *middle, *reversed(suffixes))


def _is_exception(run: str, start: int, end: int) -> bool:
    return end - start <= LONGEST_EXCEPTION and run[start:end] in EXCEPTIONS


def _prefix(run: str, start: int, end: int) -> int:
    """Return the length of what is to be taken off in front, 0 for nothing."""
    char = run[start]
    if char == ".":
        dots = _dots_from(run, start, end)
        return dots if dots > 1 else 0
    if char == "+":
        return int(start + 1 == end or not "0" <= run[start + 1] <= "9")
    if char in PREFIXES or is_symbol(char):
        return 1
    return next((len(sign) for sign in LONG_CURRENCIES if run.startswith(sign, start, end)), 0)


def _suffix(run: str, start: int, end: int) -> int:
    """Return the length of what is to be taken off at the end, 0 for nothing."""
    if start >= end:
        return 0
    tail = run[max(start, end - LONGEST_UNIT - 1) : end]
    if tail[-1] == ".":
        dots = _dots_to(run, start, end)
        return dots if dots > 1 else int(_ends_sentence(tail[:-1]))
    if tail[-2:] in POSSESSIVES:
        return 2
    if tail[-1] in SUFFIXES or is_symbol(tail[-1]):
        return 1
    return _behind_digit(tail)


def _behind_digit(tail: str) -> int:
    for length in range(1, len(tail)):
        if "0" <= tail[-length - 1] <= "9":
            sign = tail[-length:]
            return length if sign in BEHIND_DIGITS else 0
    return 0


def _ends_sentence(before: str) -> bool:
    if not before:
        return False
    char = before[-1]
    if "0" <= char <= "9" or char in BEFORE_FINAL_DOT or _is_small(char):
        return True
    return len(before) > 1 and _is_capital(char) and _is_capital(before[-2])


def _is_small(char: str) -> bool:
    return char.islower() or category(char) == "Lo"


def _is_capital(char: str) -> bool:
    return char.isupper() or category(char) == "Lo"


def _dots_from(run: str, start: int, end: int) -> int:
    stop = start
    while stop < end and run[stop] == ".":
        stop += 1
    return stop - start


def _dots_to(run: str, start: int, end: int) -> int:
    stop = end
    while stop > start and run[stop - 1] == ".":
        stop -= 1
    return end - stop


def _middle(rest: str) -> Iterator[int]:
    """Return the lengths of the tokens of what is left between prefixes and suffixes."""
    if looks_like_link(rest):
        yield len(rest)
        return
    start = 0
    for infix in _INFIX.finditer(rest):
        if infix.start() == 0 or not _cuts(rest, *infix.span()):
            continue
        if infix.start() > start:
            yield infix.start() - start
        yield infix.end() - infix.start()
        start = infix.end()
    if start < len(rest):
        yield len(rest) - start


def _cuts(rest: str, start: int, end: int) -> bool:
    found = rest[start:end]
    if found == ".":
        return start > 0 and end < len(rest) and _joins_sentences(rest[start - 1], rest[end])
    return found.isascii() or found in JOINTS or is_symbol(found)


def _joins_sentences(left: str, right: str) -> bool:
    return (_is_small(left) or left in AROUND_DOT) and (_is_capital(right) or right in AROUND_DOT)


def _glued(run: str, pieces: tuple[int, ...]) -> tuple[int, ...]:
    """Put together again what is an exception: the emoticon of `:)hi`."""
    result: list[int] = []
    start = index = 0
    while index < len(pieces):
        count, lengths = _longest_exception(run, start, pieces, index)
        result += lengths
        start += sum(lengths)
        index += count
    return tuple(result)


def _longest_exception(run: str, start: int, pieces: tuple[int, ...], index: int) -> tuple[int, tuple[int, ...]]:
    best = 1, pieces[index : index + 1]
    length = pieces[index]
    for count in range(2, LONGEST_EXCEPTION + 1):
        if index + count > len(pieces):
            break
        length += pieces[index + count - 1]
        if length > LONGEST_EXCEPTION:
            break
        word = run[start : start + length]
        if word in EXCEPTIONS and pieces[index : index + count] == _cut_plainly(word):
            best = count, EXCEPTIONS[word]
    return best


@cache
def _cut_plainly(exception: str) -> tuple[int, ...]:
    return _cut(exception, lambda run, start, end: False)
