"""The kinds of values that a key of a bot's file may have.

Each is declared once: it reads a value, tells its JSON Schema, and names itself in the tables of the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from maxbot import conversions
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.values import Broken, Mapping, Scalar, Sequence, Value, kind
from maxbot.dialog.source import Source
from maxbot.errors import BotError


class Wrong:
    """What is read where a mistake was noted."""

    def __repr__(self) -> str:
        return "WRONG"


WRONG: Final = Wrong()

Schema = dict[str, Any]
Schemas = dict[str, Schema]

# All scalars are texts to us, but an editor's YAML has numbers and flags.
SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
SCALAR_OR_NOTHING: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}


class Kind:
    """A kind of value."""

    title: str
    """In the tables: `text`, `list of slots`."""

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        """Return what a value means, WRONG where it is not of this kind.

        Args:
            value: As it stands in the file.
            reading: Takes the mistakes.
            name: What the value is called in errors.
        """
        raise NotImplementedError

    def json_schema(self, schemas: Schemas) -> Schema:
        """Return the JSON Schema of a value; what it refers to is put into `schemas` by name."""
        raise NotImplementedError

    def _mistake(self, value: Value, reading: Reading, name: str, expected: str) -> Wrong:
        if not isinstance(value, Broken):
            found = kind(value)
            is_empty = found == "missing value"
            text = f"{name} has no value" if is_empty else f"{name} is a {found}"
            reading.mistakes.add(value.place, f"{text}, expected: {expected}")
        return WRONG


class Text(Kind):
    """A text, perhaps converted.

    Args:
        title: For the tables.
        convert: Returns the value, raises a ValueError that says what was expected.
        schema: JSON Schema.
    """

    def __init__(self, title: str = "text", convert: Callable[[str], Any] = str, schema: Schema | None = None) -> None:
        self.title = title
        self._convert = convert
        self._schema = schema or SCALAR

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, f"a {self.title}")
        if self._convert is str:
            return value.text
        try:
            return self._convert(value.text)
        except ValueError as error:
            reading.mistakes.add(value.place, f"{name} is not what it should be, expected: {error}")
            return WRONG

    def json_schema(self, schemas: Schemas) -> Schema:
        return dict(self._schema)


TEXT = Text()
INTEGER = Text("integer", conversions.integer, {"type": ["integer", "string"]})
NUMBER = Text("number", conversions.number, {"type": ["number", "string"]})
URL = Text("URL", conversions.url, {"type": "string"})
SERVER = Text("URL", conversions.server, {"type": "string"})
ZONE = Text("time zone", conversions.zone, {"type": "string"})
FLAG = Text(
    "flag",
    conversions.flag,
    {"type": ["boolean", "string", "integer"]},
)


class Choice(Kind):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.title = ", ".join(f"`{word}`" for word in words)

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, " or ".join(self._words))
        if value.text not in self._words:
            message = f"{name} cannot be {shown(value.text)}"
            reading.mistakes.add_unknown(value.place, message, value.text, self._words)
            return WRONG
        return value.text

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"enum": list(self._words)}


def _compile(compile_: Callable[[Source], object], source: Source) -> None:
    try:
        compile_(source)
    except (ValueError, OverflowError, RecursionError) as error:
        # Jinja reads numbers as Python does, which refuses those of thousands of digits in its own words.
        raise source.error(f"this cannot be compiled: {type(error).__name__}: {error}") from None


class Expression(Kind):
    """A condition or the like: an expression without braces."""

    title = "expression"

    def read(self, value: Value, reading: Reading, name: str) -> Source | Wrong:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, "an expression, like message.text == 'hello'")
        if not value.text.strip():
            reading.mistakes.add(value.place, f"{name} is empty, expected: an expression, like true")
            return WRONG
        source = value.source()
        try:
            if reading.syntax is not None:
                _compile(reading.syntax.expression, source)
        except BotError as error:
            braces = value.text.lstrip()[:2] in ("{{", "{%")
            advice = f"{name} is an expression, which has no braces: write it without {{{{ }}}} and {{% %}}"
            reading.mistakes.add(value.place, advice if braces else error.message)
            return WRONG
        return source

    def json_schema(self, schemas: Schemas) -> Schema:
        return dict(SCALAR_OR_NOTHING)  # `null` is a name here, as any other


class Template(Kind):
    """A scenario.

    Args:
        commands: The control commands that it may contain, for the tables.
    """

    def __init__(self, *commands: str) -> None:
        self.commands = commands
        self.title = "template with " + " ".join(f"`<{command}/>`" for command in commands)

    def read(self, value: Value, reading: Reading, name: str) -> Source | Wrong:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, "a text; several lines stand below a |, indented")
        source = value.source()
        try:
            if reading.syntax is not None:
                _compile(reading.syntax.template, source)
        except BotError as error:
            reading.mistakes.take(error)
            return WRONG
        return source

    def json_schema(self, schemas: Schemas) -> Schema:
        return dict(SCALAR_OR_NOTHING)


class ListOf(Kind):
    """A list.

    Args:
        kind: Of its items.
        items: What they are called: `nodes`.
        at_least: How many there must be.
    """

    def __init__(self, kind: Kind, items: str, at_least: int = 0) -> None:
        self.kind = kind
        self.items = items
        self.title = f"list of {items}"
        self._at_least = at_least

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Sequence):
            return self._mistake(value, reading, name, f"a list of {self.items}, each with '- ' in front")
        if len(value.items) < self._at_least:
            reading.mistakes.add(value.place, f"{name} is empty, expected: at least {self._at_least}")
            return WRONG
        read, item_name = self.kind.read, f"an item of {name}"
        found = [read(item, reading, item_name) for item in value.items]
        return WRONG if WRONG in found else tuple(found)

    def json_schema(self, schemas: Schemas) -> Schema:
        least = {"minItems": self._at_least} if self._at_least else {}
        return {"type": "array", "items": self.kind.json_schema(schemas), **least}


class Table(Kind):
    """A mapping of names that the author chooses.

    Args:
        kind: Of the values.
        values: What they are called.
    """

    def __init__(self, kind: Kind, values: str) -> None:
        self.kind = kind
        self.title = f"mapping of names to {values}"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Mapping):
            return self._mistake(value, reading, name, f"a {self.title}")
        found = {key: self.kind.read(item, reading, repr(key)) for key, item in value.entries.items()}
        return WRONG if WRONG in found.values() else found

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"type": "object", "additionalProperties": self.kind.json_schema(schemas)}


class Either(Kind):
    """A scalar, or a mapping.

    Args:
        scalar: Reads a text.
        record: Reads a mapping.
        whole: Makes of the scalar's value what the mapping would be.
    """

    def __init__(self, scalar: Kind, record: Kind, whole: Callable[[Any], Any]) -> None:
        self._scalar = scalar
        self._record = record
        self._whole = whole
        self.title = f"{scalar.title} or {record.title}"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Scalar):
            return self._record.read(value, reading, name)
        found = self._scalar.read(value, reading, name)
        return found if found is WRONG else self._whole(found)

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"anyOf": [self._scalar.json_schema(schemas), self._record.json_schema(schemas)]}
