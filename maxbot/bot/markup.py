"""Reads a rendered template as commands: replies, and the control commands of its place."""

from maxbot.dialog.scenario import Command, Place
from maxbot.maxml import Reader

_reader = Reader()


def read_commands(text: str, place: Place) -> list[Command]:
    """Return the commands of a rendered template.

    Raises:
        ValueError: It is not well-formed, or holds what may not stand here.
    """
    return _reader.read(text, place.value)
