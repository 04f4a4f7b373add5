"""A field of marshmallow's for texts with markup, for schemas of commands of an author's own."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from maxbot.maxml.text import Marked

Value = Marked
"""What such a field holds."""


class Field(fields.Field):
    """A text with markup: an element of its command, or with `metadata={"maxml": "content"}` what stands in it."""

    default_error_messages = {"invalid": "Not a valid string."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **keywords: Any) -> Marked:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return value if isinstance(value, Marked) else Marked(value)
