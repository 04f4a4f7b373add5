"""What was found in a text."""

from typing import Any, NamedTuple


class Find(NamedTuple):
    """A value that stands somewhere in a text."""

    name: str
    """Of the entity."""
    value: Any
    literal: str
    """As it was written."""
    start: int
    """Position of its first character in the text as it came."""
    end: int
    """Position behind its last character."""
