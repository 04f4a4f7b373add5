"""What a YAML file holds: texts, lists and mappings that know their places."""

from typing import TypeAlias

import msgspec

from maxbot.bot.read.lines import file_lines
from maxbot.dialog.source import Place, Source


class Scalar(msgspec.Struct, frozen=True):
    """A text, whatever it looks like."""

    text: str
    place: Place
    style: str | None
    """How it is written: `|`, `>`, a quote; None is plain."""
    last_line: int
    """Where it ends in the file, counted from 1."""
    tagged: bool
    """It has a tag: then it is a text, even where nothing follows."""

    @property
    def is_null(self) -> bool:
        """Whether a channel's option may take it for no value at all."""
        return self.style is None and not self.tagged and self.text in ("", "~", "null", "Null", "NULL")

    def source(self) -> Source:
        """Return the text as the source of a template."""
        return Source(self.text, self.place, file_lines(self.text, self.style, self.place, self.last_line))


class Sequence(msgspec.Struct, frozen=True):
    """A list."""

    items: list["Value"]
    place: Place


class Mapping(msgspec.Struct, frozen=True):
    """Keys and values, in the order of the file."""

    entries: dict[str, "Value"]
    keys: dict[str, Place]
    """Where each key stands."""
    place: Place


class Broken(msgspec.Struct, frozen=True):
    """A value with a mistake that has been told: whoever meets it says nothing more."""

    place: Place


Value: TypeAlias = Scalar | Sequence | Mapping | Broken


def kind(value: Value) -> str:
    """Return what a value is, in words."""
    if isinstance(value, Scalar):
        return "text" if value.text or value.style else "missing value"
    return "list" if isinstance(value, Sequence) else "mapping"
