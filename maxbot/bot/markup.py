"""Markup of a bot: rendered templates are read as commands, and replies are printed for people."""

import json
from collections.abc import Iterable
from typing import Any

from maxbot.bot.values import plain
from maxbot.commands import KINDS, Content
from maxbot.dialog.scenario import Command, Place
from maxbot.maxml import Marked, Reader, print_commands

_reader = Reader()


def read_commands(text: str, place: Place) -> list[Command]:
    """Return the commands of a rendered template.

    Raises:
        ValueError: It is not well-formed, or holds what may not stand here.
    """
    return _reader.read(text, place.value)


def read_replies(text: str) -> list[Command]:
    """Return the replies of a document, in which no control command may stand.

    Raises:
        MaxMLError: It is not well-formed, or holds something else; has line and column where they are known.
    """
    return _reader.read(text)


def print_replies(replies: Iterable[dict[str, Any]]) -> str:
    """Return replies as markup, each on lines of its own; what cannot be written as markup is JSON."""
    return "\n".join(_print(reply) for reply in replies)


def _print(reply: dict[str, Any]) -> str:
    try:
        return print_commands([reply])
    except (ValueError, TypeError, KeyError, AttributeError):  # a kind of a Python bot's own, or not what its kind has
        return json.dumps(plain(reply), ensure_ascii=False, default=repr)


def content(command: Command) -> Content:
    """Return a reply as it is stored: JSON values. What a text knows of its markup stands beside it, as `formats`."""
    if KINDS.keys().isdisjoint(command):
        return plain(command)  # type: ignore[no-any-return]
    return _with_formats(command)


def _with_formats(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found[name] = _with_formats(value) if isinstance(value, dict) else plain(value)
        if isinstance(value, Marked) and value.formats:
            found["formats"] = [
                {key: part for key, part in one._asdict().items() if part is not None} for one in value.formats
            ]
    return found
