"""What was recognised of the intents of a message, as templates see it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property

import msgspec

from maxbot.errors import TurnError

TOP_THRESHOLD = 0.5
"""The first of the ranking is the top intent if it has at least this confidence."""


class RecognizedIntent(msgspec.Struct, frozen=True):
    """An intent that a message may mean."""

    name: str
    confidence: float
    """Up to 1."""


class _Resolving(type):
    # A method of the class and not of its objects, in which every name is an intent's.
    def resolve(
        cls,
        intents: Iterable[RecognizedIntent],
        top_threshold: float = TOP_THRESHOLD,
        definitions: Collection[str] | None = None,
    ) -> "IntentsResult":
        """Make the result of a recogniser that has ranked the intents.

        Args:
            intents: In any order; equals stay in theirs.
            top_threshold: The confidence from which on the best one is the top intent.
            definitions: The names that there are; None knows them all.
        """
        ranking = tuple(sorted(intents, key=lambda intent: -intent.confidence))
        return IntentsResult(lambda: ranking, top_threshold, definitions)


class IntentsResult(metaclass=_Resolving):
    """`intents` of a template: `intents.NAME` is the top intent if it has that name, else None."""

    def __init__(
        self,
        rank: Callable[[], Sequence[RecognizedIntent]],
        top_threshold: float = TOP_THRESHOLD,
        definitions: Collection[str] | None = None,
    ) -> None:
        self._rank = rank
        self._top_threshold = top_threshold
        self._definitions = definitions

    @cached_property
    def ranking(self) -> tuple[RecognizedIntent, ...]:
        """All that are similar enough, best first."""
        return tuple(self._rank())

    @cached_property
    def top(self) -> RecognizedIntent | None:
        """The best one, if it is good enough."""
        best = self.ranking[0] if self.ranking else None
        return best if best and best.confidence >= self._top_threshold else None

    @property
    def irrelevant(self) -> bool:
        """Whether there is no top intent."""
        return self.top is None

    @property
    def definitions(self) -> tuple[str, ...]:
        """The names of all intents."""
        return tuple(self._definitions or ())

    def __getattr__(self, name: str) -> RecognizedIntent | None:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> RecognizedIntent | None:
        if self._definitions is not None and name not in self._definitions:
            raise TurnError(_unknown(name, self._definitions))
        return self.top if self.top and self.top.name == name else None


def _unknown(name: object, definitions: Collection[str]) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(str(name), definitions, 1)
    return f"there is no intent {name!r}" + (f": did you mean {nearest[0]!r}?" if nearest else "")
