"""Phrases of entities: found where their tokens stand next to each other in a message."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from maxbot.nlu.entities import RecognizedEntity
from maxbot.nlu.tokens import Token

Step = dict[str | None, Any]
"""The steps that may follow, by token; under None the meanings that end here, in order of definition."""


class Meaning(NamedTuple):
    """What a phrase stands for."""

    entity: str
    value: str
    order: int
    """Of definition."""


class Phrases:
    """The phrases of all entities, by their tokens."""

    def __init__(self, phrases: Iterable[tuple[str, str, list[str]]]) -> None:
        """Index phrases.

        Args:
            phrases: Entity, value and the phrase's tokens in small letters, in order of definition.
        """
        self._start: Step = {}
        for order, (entity, value, tokens) in enumerate(phrases):
            step = self._start
            for token in tokens:
                step = step.setdefault(token, {})
            if tokens:
                step.setdefault(None, {}).setdefault((entity, value), Meaning(entity, value, order))

    def find(self, text: str, tokens: list[Token]) -> list[RecognizedEntity]:
        """Return all finds, also overlapping ones, by their end, the longer first, then in order of definition."""
        if not self._start:
            return []
        found = sorted(self._found(tokens), key=lambda find: (find[1], -(find[1] - find[0]), find[2].order))
        return [RecognizedEntity(by.entity, by.value, text[start:end], start, end) for start, end, by in found]

    def _found(self, tokens: list[Token]) -> Iterator[tuple[int, int, Meaning]]:
        words = [token.text.lower() for token in tokens]
        for first in range(len(words)):
            step: Step | None = self._start
            for last in range(first, len(words)):
                step = step.get(words[last]) if step else None
                if step is None:
                    break
                for meaning in step.get(None, {}).values():
                    yield tokens[first].start, tokens[last].end, meaning
