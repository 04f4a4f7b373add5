"""The texts of a bot, and where they stand: every error about one can name file, line and column.

What a text is read from (YAML, a directory, Python) is left to `bot/`.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from maxbot.errors import BotError

LINES_ABOVE, LINES_BELOW = 2, 1
"""How much of a file is shown around a mistake."""

LONGEST_LINE = 10_000
"""Characters of a line that is shown: nobody reads a longer one, and each mistake in it would show it."""

_SECRET = re.compile(r"""((?:token|secret|password)\w*["']?\s*:\s*)(?!!ENV\b)[^\s,}][^,}]*""", re.IGNORECASE)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def without_secrets(line: str) -> str:
    """Return a line of a bot's file as it may be shown: errors are printed and sent around."""
    return _SECRET.sub(r"\1***", line) if len(line) <= LONGEST_LINE else "..."


@dataclass(frozen=True, eq=False)
class Document:
    """A file and its text."""

    file: str
    """As the user wrote it."""
    text: str = field(default="", repr=False)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines as YAML counts them."""
        lines = _LINE_BREAK.split(self.text)
        return tuple(lines if lines[-1] else lines[:-1])

    def error(self, message: str, line: int | None = None, column: int | None = None) -> BotError:
        """Return the error for a place of this file, counted from 1, with the lines around it."""
        if line is None:
            return BotError(message, file=self.file)
        first = max(line - 1 - LINES_ABOVE, 0)
        shown = [without_secrets(text) for text in self.lines[first : line + LINES_BELOW]]
        at = line - 1 - first
        source = shown[at] if at < len(shown) else None
        above, below = tuple(shown[:at]), tuple(shown[at + 1 :])
        return BotError(message, file=self.file, line=line, column=column, source=source, above=above, below=below)


class Place(msgspec.Struct, frozen=True):
    """Where something starts; line and column are counted from 1."""

    document: Document
    line: int
    column: int

    def __repr__(self) -> str:
        return f"Place({self})"

    def __str__(self) -> str:
        return f"{self.document.file}:{self.line}:{self.column}"

    def error(self, message: str) -> BotError:
        """Return the error for this place."""
        return self.document.error(message, self.line, self.column)


class Source(msgspec.Struct, frozen=True):
    """The text of a template, condition or regular expression, and where it stands."""

    text: str
    place: Place
    """Where its scalar starts."""
    lines: tuple[int, ...]
    """For each line of `text`, its line in the file."""

    @property
    def file(self) -> str:
        """As the user wrote it."""
        return self.place.document.file

    @property
    def column(self) -> int:
        """Where the scalar starts, counted from 1."""
        return self.place.column

    def line(self, number: int) -> int:
        """Return the line of the file for a line of the text; both are counted from 1."""
        return self.lines[min(max(number, 1), len(self.lines)) - 1]

    def error(self, message: str, line: int | None = None) -> BotError:
        """Return the error for a line of the file; without one, for the place where the text starts."""
        if line is None:
            return self.place.error(message)
        # Jinja knows no columns: where the text starts is all there is, and on its first line it helps.
        column = self.column if line == self.lines[0] else None
        return self.place.document.error(message, line, column)
