"""The conditions that need one look at a turn, by what it must find there."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from maxbot.dialog.keys import How, Key

_PLAIN = frozenset({str, Markup, int, float, bool, Decimal, type(None)})
"""Values that are equal to what a dict finds for them."""

_NUMBERS = frozenset({int, float, bool, Decimal})

_GRAM = 3
"""Characters of a piece that it is known by."""

Numbers = list[int]
"""Of conditions."""


class Found:
    """Conditions by what a look must find."""

    def __init__(self) -> None:
        self.everything: Numbers = []
        self._equal: dict[Hashable, Numbers] = {}
        self._others: dict[How, Numbers] = {}
        self._pieces = _Pieces()
        self._starts: dict[int, dict[str, Numbers]] = {}
        self._bounds: dict[How, _Bounds] = {}

    def add(self, key: Key, number: int) -> None:
        """Note that a condition needs a key of this look."""
        self.everything.append(number)
        match key.how, key.value:
            case How.EQUAL, value:
                self._equal.setdefault(value, []).append(number)
            case How.HOLDS, str(piece):
                self._pieces.add(piece, number)
            case How.STARTS, str(start):
                self._starts.setdefault(len(start), {}).setdefault(start, []).append(number)
            case (How.GT | How.GTEQ | How.LT | How.LTEQ) as how, int() | float() as bound:
                self._bounds.setdefault(how, _Bounds(how)).add(bound, number)
            case how, _:
                self._others.setdefault(how, []).append(number)

    def find(self, value: Any, numbers: set[int]) -> None:
        """Add the conditions that may be true with a value, or raise something."""
        kind = type(value)
        defined = not isinstance(value, Undefined)
        if kind in _PLAIN:
            numbers.update(self._equal.get(value, ()))
        elif defined and kind is not list and kind is not dict:
            numbers.update(*self._equal.values())
        if self._pieces and defined:
            numbers.update(self._pieces.in_text(str.__str__(value)) if isinstance(value, str) else self._pieces.all)
        if self._starts:
            numbers.update(self._starting(value))
        if self._bounds:
            for bounds in self._bounds.values():
                numbers.update(bounds.around(value) if _is_in_order(value) else bounds.all)
        if self._others:
            numbers.update(self._other(value, defined))

    def _starting(self, value: Any) -> Iterator[int]:
        for length, starts in self._starts.items():
            if isinstance(value, str):
                yield from starts.get(str.__str__(value)[:length], ())
            else:
                for found in starts.values():
                    yield from found

    def _other(self, value: Any, defined: bool) -> Iterator[int]:
        others = self._others
        if defined:
            yield from others.get(How.DEFINED, ())
            if How.TRUE in others and _may_be_true(value):
                yield from others[How.TRUE]
        if not isinstance(value, str):
            yield from others.get(How.NO_TEXT, ())
        if type(value) not in _NUMBERS:
            yield from others.get(How.NO_NUMBER, ())


def _is_in_order(value: Any) -> bool:
    """Whether a value is a number that is above or below others: of any size, and not NaN."""
    try:
        return type(value) in _NUMBERS and bool(value == value)
    except ArithmeticError:
        return False


def _may_be_true(value: Any) -> bool:
    try:
        return bool(value)
    except Exception:  # whoever evaluates it says so
        return True


class _Bounds:
    """Conditions by the number that a value must be above or below."""

    def __init__(self, how: How) -> None:
        self._below = how in (How.GT, How.GTEQ)
        self._cut = bisect_left if how in (How.GT, How.LTEQ) else bisect_right
        self._numbers: dict[float, Numbers] = {}
        self._sorted: list[float] = []

    def add(self, bound: float, number: int) -> None:
        self._numbers.setdefault(bound, []).append(number)
        self._sorted = []

    @property
    def all(self) -> Iterator[int]:
        return (number for found in self._numbers.values() for number in found)

    def around(self, value: Any) -> Iterator[int]:
        """Return the conditions whose bound a value keeps."""
        if not self._sorted:
            self._sorted = sorted(self._numbers)
        place = self._cut(self._sorted, value)
        kept = self._sorted[:place] if self._below else self._sorted[place:]
        return (number for bound in kept for number in self._numbers[bound])


class _Pieces:
    """Conditions by a piece of a text. Of many, only those are looked for whose rarest characters are in the text."""

    def __init__(self) -> None:
        self._numbers: dict[str, Numbers] = {}
        self._grams: dict[str, list[str]] | None = None

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def add(self, piece: str, number: int) -> None:
        self._numbers.setdefault(piece, []).append(number)
        self._grams = None

    @property
    def all(self) -> Iterator[int]:
        return (number for found in self._numbers.values() for number in found)

    def in_text(self, text: str) -> Iterator[int]:
        """Return the conditions whose piece is in a text."""
        return (number for piece in self._possible(text) if piece in text for number in self._numbers[piece])

    def _possible(self, text: str) -> Iterable[str]:
        if len(text) > len(self._numbers):
            return self._numbers
        if self._grams is None:
            self._grams = _by_gram(self._numbers)
        found = self._grams
        return [piece for gram in ("", *_grams(text)) for piece in found.get(gram, ())]


def _by_gram(pieces: Iterable[str]) -> dict[str, list[str]]:
    """Return pieces by the rarest of their grams; those that are too short for one by the empty text."""
    counts = Counter(gram for piece in pieces for gram in _grams(piece))
    found: dict[str, list[str]] = defaultdict(list)
    for piece in pieces:
        found[min(_grams(piece), key=counts.__getitem__, default="")].append(piece)
    return dict(found)


def _grams(text: str) -> set[str]:
    return {text[place : place + _GRAM] for place in range(len(text) - _GRAM + 1)}
