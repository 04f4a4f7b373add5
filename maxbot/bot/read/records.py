"""Mappings with known keys: nodes, slots, intents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from maxbot.bot.read.kinds import WRONG, Kind, Schema, Schemas
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.values import Mapping, Value


@dataclass(frozen=True)
class Key:
    """A key of a mapping."""

    name: str
    kind: Kind
    help: str
    """What it means, for the reference and for editors."""
    required: bool = False
    default: str = ""
    """As the tables show it."""


Finish = Callable[[Mapping, Reading], bool]
"""Checks what concerns several keys of a mapping; returns whether all is well."""


class Record(Kind):
    """A mapping with known keys.

    Args:
        title: What it is: `slot`. Names it in errors, in the tables and in the JSON Schema.
        help: What it is for.
        keys: In the order in which mistakes are told.
        make: Called with the values of the keys that are there, and with `place`.
        finish: Called after the keys were read.
    """

    def __init__(
        self, title: str, help: str, *keys: Key, make: Callable[..., Any], finish: Finish | None = None
    ) -> None:
        self.title = title
        self.help = help
        self.keys = keys
        self._make = make
        self._finish = finish
        self._names = {key.name for key in keys}

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Mapping):
            return self._mistake(value, reading, name, self._expected())
        found: dict[str, Any] = {}
        for key in self.keys:
            if key.name in value.entries:
                found[key.name] = key.kind.read(value.entries[key.name], reading, repr(key.name))
            elif key.required:
                found[key.name] = self._missing(value, reading, key)
        right = self._check_names(value, reading)
        if self._finish is not None:
            right = self._finish(value, reading) and right
        return self._make(place=value.place, **found) if right and WRONG not in found.values() else WRONG

    def _missing(self, value: Mapping, reading: Reading, key: Key) -> Any:
        # Where the key has no value that could be read, its place is known all the same.
        if key.name not in value.keys:
            reading.mistakes.add(value.place, f"the key {key.name!r} is missing in this {self.title}")
        return WRONG

    def _check_names(self, value: Mapping, reading: Reading) -> bool:
        if value.keys.keys() <= self._names:
            return True
        for name, place in value.keys.items():
            if name not in self._names:
                message = f"unknown key {shown(name)} in this {self.title}"
                reading.mistakes.add_unknown(place, message, name, [key.name for key in self.keys])
        return False

    def _expected(self) -> str:
        shown = [f"'{key.name}: ...'" for key in self.keys if key.required] or ["'key: value'"]
        return f"a {self.title}, a mapping: {', '.join(shown)}"

    def json_schema(self, schemas: Schemas) -> Schema:
        name = self.title.replace(" ", "_")
        if name not in schemas:
            schemas[name] = {}  # before its keys: a node has nodes in it
            schemas[name].update(self._object(schemas))
        return {"$ref": f"#/definitions/{name}"}

    def _object(self, schemas: Schemas) -> Schema:
        properties = {
            key.name: {"description": key.help, **self._without_siblings(key.kind.json_schema(schemas))}
            for key in self.keys
        }
        required = [key.name for key in self.keys if key.required]
        return {
            "type": "object",
            "description": self.help,
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    @staticmethod
    def _without_siblings(schema: Schema) -> Schema:
        # Draft 7 ignores what stands beside a $ref.
        return {"allOf": [schema]} if "$ref" in schema else schema
