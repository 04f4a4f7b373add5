"""What a command may hold: its fields, where they stand in markup, and their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from maxbot import conversions

Place = Literal["attribute", "element", "content"]
Type = Literal["string", "integer", "float", "boolean", "url", "markup", "nested"]

_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "markup": str,
    "integer": conversions.integer,
    "float": conversions.number,
    "boolean": conversions.flag,
    "url": conversions.url,
}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a command."""

    name: str
    """Its key in the JSON."""
    type: Type = "string"
    place: Place | None = None
    """None: an attribute if it is one scalar, else an element."""
    many: bool = False
    """Whether its element may be there again: the value is a list."""
    required: bool = False
    one_of: tuple[str, ...] = ()
    """The values that it takes; any where there are none."""
    default: Any = None
    """The value where it is missing."""
    fields: tuple[Field, ...] = ()
    """Of a nested one."""
    element: str = ""
    """Name of its attribute or element, where that is not its own."""

    @property
    def tag(self) -> str:
        """Name of its attribute or element."""
        return self.element or self.name

    @property
    def stands(self) -> Place:
        """Where it stands."""
        if self.place is not None:
            return self.place
        return "element" if self.many or self.type in ("markup", "nested") else "attribute"

    def read(self, text: str) -> Any:
        """Return one value, converted.

        Raises:
            ValueError: It cannot be; the text says what was expected.
        """
        value = _READERS[self.type](text)
        if self.one_of and value not in self.one_of:
            raise ValueError(f"one of {', '.join(self.one_of)}")
        return value


class CommandSchema(msgspec.Struct, frozen=True):
    """A command and its fields.

    Raises:
        ValueError: Its content and its elements would stand in the same place.
    """

    name: str
    fields: tuple[Field, ...] = ()
    flat: bool = False
    """Whether its one field stands in the command itself, as in `{"text": "hello"}`."""
    finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Checks and converts the fields once more, by a schema of an author's own; raises a ValueError."""

    def __post_init__(self) -> None:
        _check(self.name, self.fields)


def _check(name: str, fields: tuple[Field, ...]) -> None:
    contents = [field for field in fields if field.stands == "content"]
    if len(contents) > 1:
        raise ValueError(f"{name} has two fields that are its content: {contents[0].name} and {contents[1].name}")
    if contents and (contents[0].many or contents[0].type == "nested"):
        raise ValueError(f"the content of {name} is one text, and {contents[0].name} is not")
    if contents and any(field.stands == "element" for field in fields):
        raise ValueError(f"{name} has a content, so its other fields are attributes")
    for field in fields:
        if field.type == "nested":
            _check(field.tag, field.fields)


Schemas: TypeAlias = Mapping[str, CommandSchema]

TEXT = CommandSchema("text", (Field(name="text", type="markup", place="content", required=True),), flat=True)

IMAGE = CommandSchema("image", (Field(name="url", type="url", required=True), Field(name="caption", type="markup")))

JUMP_TO = CommandSchema(
    "jump_to",
    (
        Field(name="node", required=True),
        Field(name="transition", required=True, one_of=("response", "condition", "listen")),
    ),
)


def shown(value: Any) -> str:
    """Return a scalar as it stands in markup."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be written in markup")
    return str(value)
