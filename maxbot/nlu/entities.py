"""What was recognised of the entities of a message, as templates see it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import msgspec

BUILT_IN = ("number", "email", "url", "date", "time")
"""Entities that every bot has. There is `latent_date` besides, only in messages that hold one."""


class RecognizedEntity(msgspec.Struct, frozen=True):
    """A value that stands somewhere in a message."""

    name: str
    """Of the entity."""
    value: Any
    literal: str
    """As the user wrote it."""
    start_char: int
    """Position of its first character in the text as it came."""
    end_char: int
    """Position behind its last character."""
    extras: dict[str, Any] | None = None
    """What else a recogniser of the author's own has to say."""

    def __repr__(self) -> str:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        if self.extras is None:
            del fields["extras"]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


class Finder(Protocol):
    """Looks for the entities of one message when it is asked."""

    def find(self, name: str) -> Sequence[RecognizedEntity]:
        """Return what was found of one entity, in order."""

    def find_all(self) -> Sequence[RecognizedEntity]:
        """Return everything, in order."""


class EntityProxy:
    """`entities.NAME`: all finds of one entity. True if there are any; `.VALUE` tells whether that value was found."""

    OWN_NAMES = frozenset(
        ("name", "value", "literal", "start_char", "end_char", "extras", "first", "all_values", "all_objects")
    )

    def __init__(self, name: str, finds: Iterable[RecognizedEntity], values: frozenset[str] = frozenset()) -> None:
        self.all_objects = tuple(finds)
        self._name = name
        self._values = values

    __iter__ = None  # `for find in entities.NAME.all_objects` is how they are walked

    def __bool__(self) -> bool:
        return bool(self.all_objects)

    def __repr__(self) -> str:
        return f"<entity {self._name}: {', '.join(str(value) for value in self.all_values) or 'none'}>"

    @property
    def first(self) -> RecognizedEntity | None:
        """The first find."""
        return self.all_objects[0] if self.all_objects else None

    @property
    def all_values(self) -> tuple[Any, ...]:
        """The values of all finds."""
        return tuple(find.value for find in self.all_objects)

    def __getattr__(self, name: str) -> Any:
        if name in self.OWN_NAMES and self.all_objects:
            return getattr(self.all_objects[0], name)
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.OWN_NAMES and any(find.value == name for find in self.all_objects):
            return True
        if name in self._values:
            return False
        raise AttributeError(f"entity {self._name!r} has no value {name!r}")

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None


class _Resolving(type):
    # A method of the class and not of its objects, in which every name is an entity's.
    def resolve(
        cls, entities: Iterable[RecognizedEntity], definitions: Mapping[str, Iterable[str]] | None = None
    ) -> "EntitiesResult":
        """Make the result of a recogniser that has found everything.

        Args:
            entities: What was found, in order.
            definitions: The values of each entity by its name; those are known where nothing was found.
        """
        known = {name: frozenset(values) for name, values in (definitions or {}).items()}
        return EntitiesResult(Found(entities), known)


class EntitiesResult(metaclass=_Resolving):
    """`entities` of a template: each entity by its name, looked for when it is asked for."""

    def __init__(self, finder: Finder, definitions: Mapping[str, frozenset[str]]) -> None:
        self._finder = finder
        self._definitions = definitions
        self._proxies: dict[str, EntityProxy] = {}

    @cached_property
    def all_objects(self) -> tuple[RecognizedEntity, ...]:
        """Everything that was found: phrases, regular expressions, dates and times, the rest by position."""
        return tuple(self._finder.find_all())

    @property
    def proxies(self) -> Mapping[str, EntityProxy]:
        """The entities by name: those that are defined, built in or found."""
        names = dict.fromkeys([*self._definitions, *(find.name for find in self.all_objects)])
        return {name: self[name] for name in names}

    def __getattr__(self, name: str) -> EntityProxy:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> EntityProxy:
        proxy = self._proxies.get(name)
        if proxy is None:
            finds = self._finder.find(name)
            if not finds and name not in self._definitions:
                raise KeyError(name)
            proxy = self._proxies[name] = EntityProxy(name, finds, self._definitions.get(name, frozenset()))
        return proxy


class Found:
    """Finds that are there already."""

    def __init__(self, entities: Iterable[RecognizedEntity] = ()) -> None:
        self._entities = tuple(entities)

    def find(self, name: str) -> Sequence[RecognizedEntity]:
        """Return what was found of one entity."""
        return [entity for entity in self._entities if entity.name == name]

    def find_all(self) -> Sequence[RecognizedEntity]:
        """Return everything."""
        return self._entities
