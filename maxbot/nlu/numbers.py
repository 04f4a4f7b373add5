"""Numbers in a text: digits (`1,234`, `3.50`) and English words (`two thousand five hundred`)."""

import re
from collections.abc import Iterator
from decimal import Decimal

from maxbot.nlu.entities import RecognizedEntity
from maxbot.nlu.tokens import Token

_UNIT_WORDS = "zero one two three four five six seven eight nine"
_TEEN_WORDS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"

UNITS = {word: number for number, word in enumerate(_UNIT_WORDS.split())}
TEENS = {word: number for number, word in enumerate(_TEEN_WORDS.split(), 10)}
TENS = {word: number * 10 for number, word in enumerate(_TEN_WORDS.split(), 2)}
HUNDRED = "hundred"
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}

ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth"
    " ninetieth hundredth thousandth millionth billionth trillionth quadrillionth"
)
NUMBER_WORDS = frozenset([*UNITS, *TEENS, *TENS, HUNDRED, *SCALES, *ORDINALS.split()])

MAX_DIGITS = 100
"""Longer rows of digits are no numbers: nobody counts so far, and the state has to hold it."""

_LOOKS_LIKE_NUMBER = re.compile(r"[+\-±~]?[\d.,]*\d[\d.,]*(?:/[\d.,]*\d[\d.,]*|st|nd|rd|th)?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[\d,_]*\d[\d,_]*")
_DECIMAL = re.compile(r"[+-]?[\d,_]*(?:\d[,_]*\.[\d,_]*|\.[,_]*\d[\d,_]*)")


def find_numbers(text: str, tokens: list[Token]) -> Iterator[RecognizedEntity]:
    """Yield the numbers of a text, in order: an int, or a `Decimal` that prints as it was written."""
    for start, end in _runs(tokens):
        literal = text[start:end]
        value = read_number(literal)
        if value is not None:
            yield RecognizedEntity("number", value, literal, start, end)


def read_number(text: str) -> int | Decimal | None:
    """Return the number that a text is as a whole, None if it is none."""
    if len(text) <= MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(_plain(text))
        if _DECIMAL.fullmatch(text):
            return Decimal(_plain(text))
    return _read_words(text.lower().split())


def _plain(digits: str) -> str:
    return digits.replace(",", "").replace("_", "")


def _runs(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield start and end of the longest runs of tokens that look like numbers."""
    start = end = -1
    for token in tokens:
        if _looks_like_number(token.text):
            start, end = (start if start >= 0 else token.start), token.end
        elif start >= 0:
            yield start, end
            start = -1
    if start >= 0:
        yield start, end


def _looks_like_number(text: str) -> bool:
    if len(text) > MAX_DIGITS:
        return False
    return text.lower() in NUMBER_WORDS or _LOOKS_LIKE_NUMBER.fullmatch(text) is not None


def _read_words(words: list[str]) -> int | None:
    """Add up number words: below a thousand, times a scale, the scales descending."""
    total, last_scale = 0, 0
    below: list[str] = []
    for word in words:
        if word not in SCALES:
            below.append(word)
            continue
        count = _below_thousand(below) if below else 1 if not total else 0
        scale = SCALES[word]
        if count is None or scale == last_scale:
            return None
        # `one thousand million` is a thousand of them.
        total = (total + count) * scale if scale > last_scale > 0 else total + (count or 1) * scale
        last_scale, below = scale, []
    rest = _below_thousand(below) if below else 0
    return None if rest is None or not words else total + rest


def _below_thousand(words: list[str]) -> int | None:
    """Read words like `three hundred twenty one`, also `twelve hundred`."""
    if HUNDRED in words:
        at = words.index(HUNDRED)
        hundreds = _below_hundred(words[:at]) if at else 1
        rest = _below_hundred(words[at + 1 :]) if words[at + 1 :] else 0
        return None if hundreds is None or rest is None else hundreds * 100 + rest
    return _below_hundred(words)


def _below_hundred(words: list[str]) -> int | None:
    match words:
        case [word]:
            return next((table[word] for table in (UNITS, TEENS, TENS) if word in table), None)
        case [tens, unit] if tens in TENS and unit in UNITS:
            return TENS[tens] + UNITS[unit]
    return None
