"""MaxML, the markup of responses: rendered text → commands, and commands → text for people.

    parse.py    text → elements          schema.py   what a command may hold
    text.py     elements → what is read  render.py   elements → commands
    print.py    commands → text

It knows neither templates nor dialogs: a response is rendered before it comes here, and who runs the commands decides
which of them may stand where.
"""

from maxbot.maxml.errors import MarkupError, MaxMLError, SchemaError
from maxbot.maxml.print import print_commands
from maxbot.maxml.render import Reader
from maxbot.maxml.schema import CommandSchema, Field
from maxbot.maxml.text import Marked

__all__ = ["CommandSchema", "Field", "Marked", "MarkupError", "MaxMLError", "Reader", "SchemaError", "print_commands"]
