"""The best intents for a message: which of their examples share most tokens with it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import floor, sqrt

from maxbot.nlu.intents import RecognizedIntent

SIMILARITY = 0.7
"""An example counts if it is more similar than this."""

Item = tuple[str, int]
"""A token and which of its repetitions it is: lists of tokens become sets that can be compared."""


class Ranking:
    """The examples of all intents, by their length and tokens."""

    def __init__(self, examples: Iterable[tuple[str, Sequence[str]]], similarity: float = SIMILARITY) -> None:
        """Index examples.

        Args:
            examples: The name of an intent and the tokens of an example, in order of definition.
            similarity: An example counts if it is more similar than this; from 0 to 1.
        """
        self._enough = similarity
        self._examples: list[tuple[str, frozenset[Item]]] = []
        self._by_length: dict[int, dict[Item, list[int]]] = {}
        for name, tokens in examples:
            items = _items(tokens)
            index = self._by_length.setdefault(len(items), defaultdict(list))
            for item in items:
                index[item].append(len(self._examples))
            if not items:
                index[("", 0)].append(len(self._examples))
            self._examples.append((name, items))

    def rank(self, tokens: Sequence[str]) -> tuple[RecognizedIntent, ...]:
        """Return the intents that are similar enough, best first, equals in order of definition."""
        items = _items(tokens)
        best: dict[str, float] = {}
        for number in sorted(self._candidates(items)):
            name, example = self._examples[number]
            similarity = _similarity(items, example)
            if similarity > self._enough and similarity > best.get(name, 0):
                best[name] = similarity
        ranked = sorted(best.items(), key=lambda pair: -pair[1])
        return tuple(RecognizedIntent(name, similarity / len(best)) for name, similarity in ranked)

    def _candidates(self, items: frozenset[Item]) -> set[int]:
        """Return the examples that may be similar enough: all others share too few tokens."""
        found: set[int] = set()
        for length, index in self._by_length.items():
            if not items or not length:
                found.update(index[("", 0)] if not items and not length else ())
                continue
            shared = floor(self._enough * sqrt(length * len(items)))  # more than these have to be the same
            if shared < min(length, len(items)):
                found.update(*_rarest(items, index, len(items) - shared))
        return found


def _rarest(items: frozenset[Item], index: dict[Item, list[int]], count: int) -> Iterator[list[int]]:
    """Yield the examples of the rarest tokens: whoever shares enough has one of them."""
    postings = sorted((index.get(item, ()) for item in items), key=len)
    for numbers in postings[:count]:
        yield list(numbers)


def _items(tokens: Iterable[str]) -> frozenset[Item]:
    seen: dict[str, int] = defaultdict(int)
    items = []
    for token in tokens:
        items.append((token, seen[token]))
        seen[token] += 1
    return frozenset(items)


def _similarity(first: frozenset[Item], second: frozenset[Item]) -> float:
    if not first or not second:
        return float(len(first) == len(second))
    return float(len(first & second) / (len(first) * len(second)) ** 0.5)
