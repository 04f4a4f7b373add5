"""Which keys a turn has: what it holds is looked up, and each look that is not a plain name is taken once.

Where a look raises something, or finds what is neither a text, a number nor JSON, all conditions that need it are
evaluated: they raise it in their turn, or know better.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from maxbot.dialog.environment import Names
from maxbot.dialog.found import Found
from maxbot.dialog.keys import MAPPINGS, VARIABLES, How, Key, Look
from maxbot.dialog.rpc import called
from maxbot.dialog.variables import values_of

_FEW = 12
"""Entities that are looked for one by one; for more of them it is better to have all."""


class Facts:
    """Finds the numbers of conditions that a turn has a key of."""

    def __init__(self) -> None:
        self._looks: dict[str, dict[str, Found]] = {}
        self._reads: dict[Look, Found] = {}

    def add(self, key: Key, number: int) -> None:
        """Note that a condition needs a key."""
        if key.look.read is None:
            found = self._looks.setdefault(key.look.scope, {}).setdefault(key.look.name, Found())
        else:
            found = self._reads.setdefault(key.look, Found())
        found.add(key, number)

    def find(self, names: Names) -> set[int]:
        """Return the numbers of all conditions that must be evaluated."""
        numbers: set[int] = set()
        for scope, looks in self._looks.items():
            if scope == "values":
                _find_values(names["entities"], looks, numbers)
                continue
            for name, value in _present(scope, names, looks):
                looks[name].find(value, numbers)
        for look, found in self._reads.items():
            _read(look, found, names, numbers)
        return numbers


def _read(look: Look, found: Found, names: Names, numbers: set[int]) -> None:
    assert look.read is not None
    try:
        value = look.read(names) if look.guard is None or has(names, look.guard) else _NOT_LOOKED_AT
    except Exception:  # whoever evaluates it says so
        numbers.update(found.everything)
        return
    if value is not _NOT_LOOKED_AT:
        found.find(value, numbers)


_NOT_LOOKED_AT = object()


def has(names: Names, key: Key) -> bool:
    """Return whether a turn has a key, of a look at a name."""
    values = values_in(key.look.scope, names)
    if key.look.name not in values:
        return False
    value = values[key.look.name]
    return key.how is How.DEFINED or bool(value if key.how is How.TRUE else value == key.value)


def _present(scope: str, names: Names, looks: Mapping[str, Found]) -> Iterator[tuple[str, Any]]:
    """Yield the names that are looked for and there, with their values: what is not there is false."""
    if scope == "entities":
        yield from _entities(names["entities"], looks)
        return
    values = values_in(scope, names)
    few, many = (looks, values) if len(looks) < len(values) else (values, looks)
    for name in few:
        if name in many:
            yield name, values[name]


def values_in(scope: str, names: Names) -> Mapping[str, Any]:
    """Return what a scope holds in this turn, by name."""
    if scope in VARIABLES:
        return values_of(names[scope])
    if scope in MAPPINGS:
        values: Mapping[str, Any] = names[scope]
        return values
    if scope == "intents":
        top = names["intents"].top
        return {} if top is None else {top.name: top}
    if scope == "rpc":
        method = called(names["rpc"])
        return {} if method is None else {method: True, "method": method}
    return names


def _entities(entities: Any, looks: Mapping[str, Found]) -> Iterator[tuple[str, Any]]:
    """Yield the entities that are looked for and were found."""
    wanted: Iterable[str] = looks
    if len(looks) > _FEW:
        wanted = looks.keys() & {find.name for find in entities.all_objects}
    for name in wanted:
        with suppress(KeyError):  # nobody knows it: it is undefined
            yield name, entities[name]


def _find_values(entities: Any, looks: Mapping[str, Found], numbers: set[int]) -> None:
    """Add the conditions that need a value of an entity: all of them where nothing can be recognised."""
    try:
        entities[next(iter(looks))]
    except KeyError:  # it is defined in each message with a text
        for found in looks.values():
            numbers.update(found.everything)
        return
    for name, proxy in _entities(entities, looks):
        for find in proxy.all_objects:
            looks[name].find(find.value, numbers)
