"""Reads a rendered template as commands: replies, and the control commands of its place."""

from typing import Any

from maxbot.bot.values import plain
from maxbot.commands import KINDS, Content
from maxbot.dialog.scenario import Command, Place
from maxbot.maxml import Marked, Reader

_reader = Reader()


def read_commands(text: str, place: Place) -> list[Command]:
    """Return the commands of a rendered template.

    Raises:
        ValueError: It is not well-formed, or holds what may not stand here.
    """
    return _reader.read(text, place.value)


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
