"""A list of nodes, and the first of them whose condition is true.

Nodes are tested in the order in which they are written. A list of thousands is walked in segments: of each, only nodes
are tested that have a key which the turn has, and those without keys. A segment ends where a node wants a look that
costs something and was of no interest before (at intents, at entities): it may never be needed.
"""

from bisect import insort
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from maxbot.dialog.conditions import Condition
from maxbot.dialog.facts import Facts
from maxbot.dialog.keys import BOUNDS, RISKS, Key
from maxbot.dialog.templates import Scope

if TYPE_CHECKING:
    from maxbot.dialog.nodes import Node


class Subtree:
    """The place where the nodes of a subtree take part.

    Args:
        name: As in the reference.
        guard: Whether they do.
    """

    __slots__ = ("branch", "guard", "name")

    def __init__(self, name: str, guard: Condition | None) -> None:
        self.name = name
        self.guard = guard
        self.branch = Branch()

    def search(self, guards: Scope, scope: Scope, but: "Node | None") -> "Node | None":
        """Return the first of its nodes whose condition is true, none if the guard is not."""
        if self.guard is not None and not self.guard.holds(guards):
            return None
        return self.branch.search(guards, scope, but=but)


Item: TypeAlias = "Node | Subtree"


class Branch:
    """The nodes and subtrees of one list, filled once, at load."""

    __slots__ = ("_segments", "items")

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()
        self._segments: list[_Segment] = []

    def fill(self, items: list[Item]) -> None:
        """Take what the list holds, and prepare the walk."""
        self.items = tuple(items)
        choice = _Choice(items)
        segment = _Segment(frozenset())
        self._segments.append(segment)
        for index, item in enumerate(items):
            keys = choice.keys(item)
            costs = {key.look.costs for key in keys or () if key.look.costs} - segment.costs
            if costs:
                segment = _Segment(segment.costs | costs)
                self._segments.append(segment)
            segment.add(index, keys)

    def search(self, guards: Scope, scope: Scope, start: int = 0, but: "Node | None" = None) -> "Node | None":
        """Return the first node whose condition is true.

        Args:
            guards: What guards of subtrees see.
            scope: What conditions see.
            start: The number of the item to start with.
            but: A node to pass over.

        Raises:
            TurnError: A condition or guard could not be evaluated.
        """
        for segment in self._segments:
            for index in segment.candidates(scope, start):
                item = self.items[index]
                if isinstance(item, Subtree):
                    if found := item.search(guards, scope, but):
                        return found
                elif item is not but and item.condition.holds(scope):
                    return item
        return None

    def __bool__(self) -> bool:
        return bool(self.items)

    def conditions(self, start: int, found: "Node | None") -> list[str]:
        """Return the texts of the conditions from an item to a node, those of subtrees as well."""
        texts = []
        for item in self.items[start:]:
            if isinstance(item, Subtree):
                texts.extend(item.branch.conditions(0, found))
                if found is not None and found.branch is item.branch:
                    break
            else:
                texts.append(item.condition.text)
                if item is found:
                    break
        return texts


class _Choice:
    """Chooses of a condition's alternatives the one whose keys the fewest other conditions have."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._counts = Counter(key for item in items for keys in _alternatives(item) for key in keys)
        self._half = len(items) // 2

    def keys(self, item: Item) -> frozenset[Key] | None:
        """Return the keys of a node; None: it has to be tested in any turn."""
        return min(_alternatives(item), key=self._cost, default=None)

    def _cost(self, keys: frozenset[Key]) -> tuple[int, bool]:
        return sum(map(self._meant, keys)), any(key.look.costs for key in keys)

    def _meant(self, key: Key) -> int:
        """Return how many conditions a turn may have to test for a key, as a guess."""
        if key.how in BOUNDS:
            return self._half
        return 0 if key.how in RISKS else self._counts[key]


def _alternatives(item: Item) -> tuple[frozenset[Key], ...]:
    return () if isinstance(item, Subtree) else item.condition.alternatives


class _Segment:
    """Items of a list that stand behind each other, by their keys.

    Args:
        costs: What their looks, and those before them, may have to find out.
    """

    __slots__ = ("_always", "_facts", "costs")

    def __init__(self, costs: frozenset[str]) -> None:
        self.costs = costs
        self._always: list[int] = []
        self._facts = Facts()

    def add(self, index: int, keys: frozenset[Key] | None) -> None:
        if keys is None:
            self._always.append(index)
        for key in keys or ():
            self._facts.add(key, index)

    def candidates(self, scope: Scope, start: int) -> list[int]:
        """Return the numbers of the items that may be meant, in order."""
        found = self._facts.find(scope.names)
        if not self._always:
            numbers = sorted(found)
        else:
            numbers = self._always.copy() if found else self._always
            for number in found:
                insort(numbers, number)
        return [number for number in numbers if number >= start] if start else numbers
