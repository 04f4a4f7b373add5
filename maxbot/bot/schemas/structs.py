"""Schemas that are msgspec structs, dataclasses or `TypedDict`s.

Where a field stands in markup is said as for maxbot's own kinds, with `Annotated`:

    class Poster(msgspec.Struct):
        title: Annotated[str, Meta(extra={"markup": "markup"})]       an element with markup
        link: Annotated[str, Meta(extra={"markup": "url"})]           an attribute that is a URL
        width: int = 100                                              an attribute
        size: Annotated[str, Meta(extra={"in": "element"})] = ""      an element instead
"""

from typing import Any

import msgspec

from maxbot.bot.markup import field_of
from maxbot.bot.schemas.schema import Schema
from maxbot.bot.values import plain
from maxbot.commands import markup_of


def read(schema: type[Any]) -> Schema:
    """Return what the class says."""

    def load(value: Any) -> Any:
        try:
            return msgspec.convert(plain(value), schema, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error

    return Schema(tuple(field_of(markup) for markup in markup_of(schema)), load, msgspec.to_builtins)
