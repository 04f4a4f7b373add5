"""Split long texts: where a reader would, by the platform's own count, never inside of what looks like one character.

    1. at the last blank line, line break or end of a sentence in the second half of what fits, in this order
    2. at the last white space
    3. between two graphemes, if need be between two code points

White space at a cut is dropped, nothing else ever: the parts joined with white space are the text.
"""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

Measure: TypeAlias = Callable[[str], int]
"""The length of a text as a platform counts it: the sum over its characters, each at least 1."""


def code_points(text: str) -> int:
    """Count as Python does."""
    return len(text)


def utf16(text: str) -> int:
    """Count UTF-16 code units: what is not in the first plane counts twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8(text: str) -> int:
    """Count bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Limit(NamedTuple):
    """How long a text may be."""

    size: int
    measure: Measure = utf16

    def fits(self, text: str) -> bool:
        """Whether a text is not too long."""
        return self.measure(text) <= self.size


class Span(NamedTuple):
    """A part of a text, in code points."""

    start: int
    end: int


# After https://www.unicode.org/reports/tr29/, on the safe side: more is held together than it asks for.
_JOINED_TO_LAST = re.compile("[\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_JOINS_NEXT = re.compile("[\u200d\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd]")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
_HANGUL = re.compile("[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7fb]")
_VIRAMA = 9  # canonical combining class

_PLACES = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"[^\S\n]*\n\s*"),
    re.compile(r"(?<=[.?!…])[\"'”’)\]]?\s+|(?<=[。！？])"),
)
_SPACE = re.compile(r"\s+")


def spans(text: str, limit: Limit) -> Iterator[Span]:
    """Yield the parts of a text, none longer than the limit, none empty or white space only."""
    start, end = _stripped(text, 0, len(text))
    while start < end:
        fitting = _fitting(text, start, end, limit)
        cut = end if fitting == end else _cut(text, start, fitting)
        part = _stripped(text, start, cut)
        if part.start < part.end:
            yield part
        start = _stripped(text, cut, end).start


def split(text: str, limit: Limit) -> list[str]:
    """Return the parts of a text."""
    return [text[start:end] for start, end in spans(text, limit)]


def _fitting(text: str, start: int, end: int, limit: Limit) -> int:
    """Return the largest end with which a part fits; at least one character."""
    highest = min(end, start + limit.size)
    if limit.fits(text[start:highest]):
        return highest
    lowest = start + 1
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        if limit.fits(text[start:middle]):
            lowest = middle
        else:
            highest = middle - 1
    return lowest


def _cut(text: str, start: int, fitting: int) -> int:
    """Return where a part that goes on after `fitting` ends."""
    for place in _PLACES:
        # White space that does not fit any more is no part of what is sent: a cut may end in it.
        ends = [found.start() + len(found[0].rstrip()) for found in place.finditer(text, start, fitting + 1)]
        half = max(start + 1, start + (fitting - start) // 2)
        if good := [end for end in ends if half <= end <= fitting and _may_begin(text, end)]:
            return good[-1]
    spaces = [found.start() for found in _SPACE.finditer(text, start, fitting + 1)]
    if good := [end for end in spaces if end > start and _may_begin(text, end)]:
        return good[-1]
    return next((end for end in range(fitting, start, -1) if is_boundary(text, end)), fitting)


def _may_begin(text: str, place: int) -> bool:
    """Whether what stands behind the white space here can be the beginning of a part."""
    begin = _stripped(text, place, len(text)).start
    return begin == len(text) or not text[begin].isspace()


def is_boundary(text: str, place: int) -> bool:
    """Whether a text may be cut before this character without cutting what looks like one."""
    if not 0 < place < len(text):
        return True
    last, following = text[place - 1], text[place]
    if last == "\r" and following == "\n":
        return False
    if _joined(last, following):
        return False
    if _FLAG.match(last) and _FLAG.match(following):
        before = itertools.takewhile(_FLAG.match, reversed(text[:place]))
        return sum(1 for _ in before) % 2 == 0
    return True


def _joined(last: str, following: str) -> bool:
    if unicodedata.category(following) in ("Mn", "Mc", "Me") or _JOINED_TO_LAST.match(following):
        return True
    if _JOINS_NEXT.match(last) or unicodedata.combining(last) == _VIRAMA:
        return True
    return bool(_HANGUL.match(last) and _HANGUL.match(following) and not _is_syllable(following))


def _is_syllable(char: str) -> bool:
    """Whether a character of Hangul begins a syllable: a whole one, or a leading consonant."""
    return "\uac00" <= char <= "\ud7a3"


def _stripped(text: str, start: int, end: int) -> Span:
    """Return a span without white space at its ends."""
    # White space that carries a mark is seen, and stays.
    while start < end and text[start].isspace() and (start + 1 == len(text) or is_boundary(text, start + 1)):
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Span(start, end)
