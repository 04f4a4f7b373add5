"""MaxML, the markup of responses: rendered text → commands, and commands → text for people.

    parse.py    text → elements          schema.py   what a command may hold
    text.py     elements → what is read  render.py   elements → commands
    print.py    commands → text

It knows neither templates nor dialogs: a response is rendered before it comes here, and who runs the commands decides
which of them may stand where. `Schema`, `fields` and `validators` are marshmallow's, imported when a bot asks for them.
"""

from importlib import import_module
from typing import Any

from maxbot.maxml.errors import MarkupError, MaxMLError, SchemaError
from maxbot.maxml.print import print_commands
from maxbot.maxml.render import Reader
from maxbot.maxml.schema import CommandSchema, Field
from maxbot.maxml.text import Marked

__all__ = ["CommandSchema", "Field", "Marked", "MarkupError", "MaxMLError", "Reader", "SchemaError", "print_commands"]


_OF_MARSHMALLOW = {"Schema": "", "fields": ".fields", "validators": ".validate"}


def __getattr__(name: str) -> Any:
    """Return what schemas are made of, for bots that have them in the style of marshmallow."""
    if name not in _OF_MARSHMALLOW:
        raise AttributeError(f"module 'maxbot.maxml' has no attribute {name!r}")
    module = import_module(f"marshmallow{_OF_MARSHMALLOW[name]}")
    return module.Schema if name == "Schema" else module
