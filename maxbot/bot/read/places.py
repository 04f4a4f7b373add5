"""Where in the bot's own code something went wrong."""

import linecache
import os
from itertools import islice
from pathlib import Path
from types import CodeType, TracebackType
from typing import NamedTuple

import maxbot

_MAXBOT = os.path.join(os.path.dirname(os.path.abspath(maxbot.__file__)), "")


class CodePlace(NamedTuple):
    """A line of Python; line and column are counted from 1."""

    file: str
    line: int
    column: int | None
    source: str | None


def innermost_place(traceback: TracebackType | None, file: str) -> CodePlace | None:
    """Return the innermost line of a traceback in `file`, or in the files beside and below it."""
    place = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _belongs(code.co_filename, file):
            place = (code, traceback.tb_lineno, traceback.tb_lasti)
        traceback = traceback.tb_next
    if place is None:
        return None
    code, line, instruction = place
    source = linecache.getline(code.co_filename, line).rstrip("\n") or None
    return CodePlace(shown_path(code.co_filename), line, _column(code, instruction, source), source)


def shown_path(file: str) -> str:
    """Return the path as a user would write it: relative where it is below the current directory."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


def _belongs(file: str, bot_file: str) -> bool:
    if file == bot_file:
        return True
    if not os.path.isabs(bot_file) or file.startswith(_MAXBOT):
        return False
    folder = os.path.join(os.path.dirname(bot_file), "")
    # A virtual environment often lives in the bot's folder; what is installed there is not the bot's own code.
    return file.startswith(folder) and "site-packages" not in file[len(folder) :].split(os.sep)


def _column(code: CodeType, instruction: int, source: str | None) -> int | None:
    position = next(islice(code.co_positions(), instruction // 2, None), None)
    if position is None or position[2] is None or source is None:
        return None
    return len(source.encode()[: position[2]].decode(errors="replace")) + 1  # Python counts bytes
