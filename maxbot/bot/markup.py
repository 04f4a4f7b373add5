"""Markup of a bot: rendered templates are read as commands, and replies are printed for people.

What may stand in a response are the kinds of `maxbot.commands`, each says there how it is written, and those of the
bot's author.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Any

from maxbot import types
from maxbot.bot.values import plain
from maxbot.commands import KINDS, Content, Markup, check, markup
from maxbot.dialog.scenario import Command, Place, Placed
from maxbot.maxml import CommandSchema, Field, Marked, Reader, SchemaError, print_commands

_AS_RECORDED = ("text", "image")
"""Kinds that may be empty in the markup: what has nothing to say says nothing, and is no mistake."""


@cache
def schemas() -> tuple[CommandSchema, ...]:
    """Return the kinds of replies that every bot can write."""
    return tuple(_schemas())


def _schemas() -> Iterator[CommandSchema]:
    for name, kind in KINDS.items():
        fields = markup(name)
        if fields is not None:
            yield CommandSchema(name, tuple(map(field_of, fields)), kind.flat)


def field_of(written: Markup) -> Field:
    """Return how a field of a struct is written, as the reader of markup wants it."""
    usual = "element" if written.many or written.type in ("markup", "nested") else "attribute"
    return Field(
        name=written.name,
        type=written.type,
        place=None if written.place == usual else written.place,
        many=written.many,
        required=written.required,
        fields=tuple(map(field_of, written.fields)),
        element=written.element,
    )


class BotMarkup:
    """The replies of one bot.

    Args:
        own: Kinds of its author, which go before those that every bot has.
    """

    def __init__(self, own: Iterable[CommandSchema] = ()) -> None:
        self._own = {schema.name: schema for schema in own}
        # Looking into the kinds takes longer than all the rest of a small bot's load; texts without markup do without.
        self._reader = Reader(lambda: self.schemas)

    @cached_property
    def schemas(self) -> tuple[CommandSchema, ...]:
        """All kinds of replies that can be written."""
        return tuple(({schema.name: schema for schema in schemas()} | self._own).values())

    def read_commands(self, text: str, place: Place) -> list[Command]:
        """Return the commands of a rendered template.

        Raises:
            ValueError: It is not well-formed, or holds what may not stand here.
        """
        return self._checked(self._reader.read(text, place.controls))

    def read_replies(self, text: str) -> list[Command]:
        """Return the replies of a document, in which no control command may stand.

        Raises:
            MaxMLError: It is not well-formed, or holds something else; has line and column where they are known.
        """
        return self._checked(self._reader.read(text))

    def print_replies(self, replies: Iterable[dict[str, Any]]) -> str:
        """Return replies as markup, each on lines of its own; what cannot be written as markup is JSON."""
        return "\n".join(map(self._print, replies))

    def _print(self, reply: dict[str, Any]) -> str:
        try:
            return print_commands([reply], self.schemas)
        except (ValueError, TypeError, KeyError, AttributeError):  # a kind of a Python bot's own, or not what it has
            return json.dumps(plain(reply), ensure_ascii=False, default=repr)

    def _checked(self, commands: list[Command]) -> list[Command]:
        for command in commands:
            (name,) = command
            if name in KINDS and name not in _AS_RECORDED and name not in self._own:
                try:
                    check(_content(command))
                except ValueError as error:
                    raise SchemaError(f"<{name}>: {error}") from None
        return commands


PLAIN = BotMarkup()
"""Of a bot whose author has no kinds of replies."""


def read_replies(text: str) -> list[Command]:
    """See `BotMarkup.read_replies`."""
    return PLAIN.read_replies(text)


def print_replies(replies: Iterable[dict[str, Any]]) -> str:
    """See `BotMarkup.print_replies`."""
    return PLAIN.print_replies(replies)


def stored(replies: Iterable[Command]) -> list[types.Command]:
    """Return replies as they are stored: JSON values.

    What a text knows of its markup stands beside it, as `formats`. A text without a character is left out: no platform
    takes it.
    """
    return [types.Command(_content(reply), place=_place(reply)) for reply in replies if _says_something(reply)]


def _place(reply: Command) -> str:
    if not isinstance(reply, Placed):
        return ""
    error = reply.source.error("")
    return f"{error.file}:{error.line}"


def _says_something(command: Command) -> bool:
    text = command.get("text")
    return not isinstance(text, str) or bool(text.strip())


def _content(command: Command) -> Content:
    if len(command) == 1 and type(text := command.get("text")) is Marked and not text.formats:
        return {"text": str.__str__(text)}  # nearly every reply
    if KINDS.keys().isdisjoint(command):
        return plain(command)  # type: ignore[no-any-return]
    return _with_formats(command)


def _with_formats(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "caption" and isinstance(value, str) and not value.strip():
            continue
        found[name] = _with_formats(value) if isinstance(value, dict) else plain(value)
        if isinstance(value, Marked) and value.formats:
            found["formats"] = [
                {key: part for key, part in one._asdict().items() if part is not None} for one in value.formats
            ]
    return found
