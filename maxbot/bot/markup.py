"""Markup of a bot: rendered templates are read as commands, and replies are printed for people.

What may stand in a response are the kinds of `maxbot.commands`: each says there how it is written.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from maxbot.bot.values import plain
from maxbot.commands import KINDS, Content, Markup, check, markup
from maxbot.dialog.scenario import Command, Place
from maxbot.maxml import CommandSchema, Field, Marked, Reader, SchemaError, print_commands

_AS_RECORDED = ("text", "image")
"""Kinds that may be empty in the markup: what has nothing to say says nothing, and is no mistake."""


@cache
def schemas() -> tuple[CommandSchema, ...]:
    """Return the kinds of replies that can be written."""
    return tuple(_schemas())


def _schemas() -> Iterator[CommandSchema]:
    for name, kind in KINDS.items():
        fields = markup(name)
        if fields is not None:
            yield CommandSchema(name, tuple(map(_field, fields)), kind.flat)


def _field(written: Markup) -> Field:
    return Field(
        name=written.name,
        type=written.type,
        place="content" if written.place == "content" else None,
        many=written.many,
        required=written.required,
        fields=tuple(map(_field, written.fields)),
        element=written.element,
    )


# Looking into the kinds takes longer than all the rest of a small bot's load, and texts without markup do without.
_reader = Reader(schemas)


def read_commands(text: str, place: Place) -> list[Command]:
    """Return the commands of a rendered template.

    Raises:
        ValueError: It is not well-formed, or holds what may not stand here.
    """
    return _checked(_reader.read(text, place.value))


def read_replies(text: str) -> list[Command]:
    """Return the replies of a document, in which no control command may stand.

    Raises:
        MaxMLError: It is not well-formed, or holds something else; has line and column where they are known.
    """
    return _checked(_reader.read(text))


def _checked(commands: list[Command]) -> list[Command]:
    for command in commands:
        (name,) = command
        if name in KINDS and name not in _AS_RECORDED:
            try:
                check(content(command))
            except ValueError as error:
                raise SchemaError(f"<{name}>: {error}") from None
    return commands


def print_replies(replies: Iterable[dict[str, Any]]) -> str:
    """Return replies as markup, each on lines of its own; what cannot be written as markup is JSON."""
    return "\n".join(_print(reply) for reply in replies)


def _print(reply: dict[str, Any]) -> str:
    try:
        return print_commands([reply], schemas())
    except (ValueError, TypeError, KeyError, AttributeError):  # a kind of a Python bot's own, or not what its kind has
        return json.dumps(plain(reply), ensure_ascii=False, default=repr)


def says_something(command: Command) -> bool:
    """Whether there is anything to send: no platform takes a text without a character."""
    return "text" not in command or bool(command["text"].strip())


def content(command: Command) -> Content:
    """Return a reply as it is stored: JSON values. What a text knows of its markup stands beside it, as `formats`."""
    if KINDS.keys().isdisjoint(command):
        return plain(command)  # type: ignore[no-any-return]
    return _with_formats(command)


def _with_formats(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "caption" and not value.strip():
            continue
        found[name] = _with_formats(value) if isinstance(value, dict) else plain(value)
        if isinstance(value, Marked) and value.formats:
            found["formats"] = [
                {key: part for key, part in one._asdict().items() if part is not None} for one in value.formats
            ]
    return found
