"""What a schema of an author's own comes to: fields in markup, and a function that checks and converts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, is_typeddict

import msgspec

from maxbot.maxml import CommandSchema, Field, Marked


class Schema(NamedTuple):
    """A schema, read."""

    fields: tuple[Field, ...]
    """How they are written in markup."""
    load: Callable[[Any], Any]
    """Returns a value checked and converted; raises a ValueError."""
    json: Callable[[Any], Any]
    """Returns what `load` returned as JSON values."""

    def value(self, given: Any) -> Any:
        """Return what templates see of a value: what was loaded, an object as a mapping.

        Raises:
            ValueError: It is not what the schema wants.
        """
        loaded = self.load(given)
        return loaded if isinstance(loaded, dict) else self.json(loaded)


def read_schema(schema: Any) -> Schema:
    """Return what a schema says.

    Args:
        schema: A class, see this folder; of marshmallow's also an object.

    Raises:
        ValueError: It is no schema; the text says what one is.
    """
    if isinstance(schema, type) and (
        issubclass(schema, msgspec.Struct) or dataclasses.is_dataclass(schema) or is_typeddict(schema)
    ):
        from maxbot.bot.schemas import structs

        return structs.read(schema)
    if hasattr(schema, "_declared_fields"):
        from maxbot.bot.schemas import marshmallow

        return marshmallow.read(schema)
    raise ValueError(f"a schema is a msgspec struct, a dataclass, a TypedDict or a marshmallow schema, not {schema!r}")


def command_schema(name: str, schema: Any) -> CommandSchema:
    """Return the schema of a command of an author's own.

    Raises:
        ValueError: It is no schema, or one that markup has no form for.
    """
    found = read_schema(schema)

    def finish(fields: dict[str, Any]) -> dict[str, Any]:
        finished: dict[str, Any] = with_markup(fields, found.json(found.load(fields)))
        return finished

    return CommandSchema(name, found.fields, finish=finish)


def with_markup(before: Any, after: Any) -> Any:
    """Return `after` with the texts of `before` that know their markup, where they are the same."""
    if isinstance(before, Marked) and before == after:
        return before
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: with_markup(before.get(key), value) for key, value in after.items()}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [with_markup(old, new) for old, new in zip(before, after, strict=True)]
    return after
