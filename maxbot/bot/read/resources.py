"""Reads YAML so that every value knows its file, line and column.

All scalars are texts, as they are written: `yes`, `42` and `2024-01-02` mean themselves, and whoever wants a number
converts it. There is one tag, `!ENV`, which puts environment variables into a text.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from maxbot.bot.read.advice import syntax_message
from maxbot.bot.read.compose import Composer
from maxbot.bot.read.mistakes import Mistakes
from maxbot.bot.read.values import Broken, Value
from maxbot.dialog.source import Document, Place
from maxbot.errors import BotError

SLOW_PARSER_LIMIT = 200_000
"""Characters up to which a broken file is read again by the parser that is slow and has the better places."""

# What YAML 1.1 calls printable, https://yaml.org/spec/1.1/#id868517
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Slow = yaml.SafeLoader
_Fast = getattr(yaml, "CSafeLoader", _Slow)


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        BotError: It cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BotError(f"cannot read this file: {error.strerror}", file=str(path)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise BotError("this is not UTF-8", file=str(path), line=before.count(b"\n") + 1, column=column) from None


def read_yaml(document: Document, mistakes: Mistakes) -> Value | None:
    """Return the value of a YAML file, None if there is nothing in it.

    Args:
        document: The file.
        mistakes: Takes all that is wrong.

    Returns:
        Where something is wrong there is a `Broken` value in its place, for a file that cannot be read at all too.
    """
    start = Place(document, 1, 1)
    forbidden = _FORBIDDEN.search(document.text)
    if forbidden is not None:
        mistakes.take(_forbidden_character(document, forbidden))
        return Broken(start)
    # What was noted before the file turned out to be broken: its values may be another thing than they seem.
    noted = Mistakes()
    try:
        value = _compose(document, noted)
    except BotError as error:
        mistakes.take(error)
        return Broken(start)
    mistakes.take_all(noted)
    return value


def _compose(document: Document, mistakes: Mistakes) -> Value | None:
    try:
        return _compose_with(_Fast, document, mistakes)
    except yaml.YAMLError as error:
        if len(document.text) <= SLOW_PARSER_LIMIT and _Fast is not _Slow:
            error = _slow_error(document) or error
        raise _syntax_error(document, error) from None


def _slow_error(document: Document) -> yaml.YAMLError | None:
    try:
        _compose_with(_Slow, document, Mistakes())
    except yaml.YAMLError as error:
        return error
    return None


def _compose_with(loader: Any, document: Document, mistakes: Mistakes) -> Value | None:
    composer = Composer(document, mistakes)
    for event in _events(loader, document.text):
        composer.take(event)
    return composer.root


def _events(loader_class: Any, text: str) -> Iterator[Any]:
    loader = loader_class(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _forbidden_character(document: Document, found: re.Match[str]) -> BotError:
    before = document.text[: found.start()]
    lines = Document("", before + "x").lines
    message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
    return document.error(message, len(lines), len(lines[-1]))


def _syntax_error(document: Document, error: yaml.YAMLError) -> BotError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return document.error(str(error))
    return document.error(syntax_message(document, error), mark.line + 1, mark.column + 1)
