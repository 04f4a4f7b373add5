"""Reads YAML so that every value knows its file, line and column.

All scalars are texts, as they are written: `yes`, `42` and `2024-01-02` mean themselves, and whoever wants a number
converts it. There is one tag, `!ENV`, which puts environment variables into a text.
"""

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from maxbot.dialog.source import Document, Place, Source
from maxbot.errors import BotError

ALIAS_LIMIT = 100_000
"""Values that a file may have once its aliases are replaced by what they stand for, beyond those it has written."""

ENV_TAG = "!ENV"
_VARIABLE = re.compile(r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\})?")
# What PyYAML gives to values that have no tag of their own.
_PLAIN_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


@dataclass(frozen=True)
class Scalar:
    """A text."""

    text: str
    place: Place
    plain: bool
    """Written without quotes, block or tag: then an empty one, `~` and `null` may stand for nothing."""
    lines: tuple[int, ...]
    """For each line of the text, its line in the file."""

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")

    def source(self) -> Source:
        """Return the text as the source of a template."""
        return Source(self.text, self.place, self.lines)


@dataclass(frozen=True)
class Sequence:
    items: list["Value"]
    place: Place


@dataclass(frozen=True)
class Mapping:
    entries: dict[str, "Value"]
    keys: dict[str, Place]
    """Where each key stands."""
    place: Place

    def check_keys(
        self, required: Iterable[str] = (), optional: Iterable[str] = (), unsupported: Iterable[str] = ()
    ) -> None:
        """Check which keys there are.

        Raises:
            BotError: A required key is missing, or there is one of another name.
        """
        required, later = list(required), list(unsupported)
        known = [*required, *optional]
        for key, place in self.keys.items():
            if key in later:
                raise place.error(f"{key!r} is not supported by this version of maxbot")
            if key not in known:
                raise place.error(f"unknown key {key!r}{suggestion(key, known)}")
        for key in required:
            if key not in self.entries:
                raise self.place.error(f"the key {key!r} is missing")


Value: TypeAlias = Scalar | Sequence | Mapping


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown word: what was meant probably, and what there is."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return f"{meant or ';'} expected: {', '.join(known)}"


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


def read_yaml(text: str, file: str) -> Value | None:
    """Return the value of a YAML text, None if there is nothing in it.

    Raises:
        BotError: It is not such a text; has line and column.
    """
    document = Document(file, text)
    loader: yaml.BaseLoader | None = None
    try:
        loader = yaml.BaseLoader(text)
        root = loader.get_single_node()
        return None if root is None else _Reader(document).read(root)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(document, error) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        line, column = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
        raise document.error(message, line, column) from None
    except RecursionError:
        raise BotError("the values are nested too deeply", file=file) from None
    finally:
        if loader is not None:
            loader.dispose()


def _syntax_error(document: Document, error: yaml.MarkedYAMLError) -> BotError:
    mark = error.problem_mark or error.context_mark
    message = " ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return BotError(message, file=document.file)
    if error.context_mark is not None and error.context_mark.line != mark.line:
        message += f" (it started in line {error.context_mark.line + 1})"
    if "'\\t'" in message:
        message += "; indent with spaces"
    if "expected a single document" in message:
        message = "there is a second document; a file has one"
    return document.error(message, mark.line + 1, mark.column + 1)


class _Reader:
    """Turns the nodes of PyYAML into values."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._repeated = 0

    def read(self, node: yaml.Node) -> Value:
        place = self._place(node)
        if id(node) in self._open:
            raise place.error("this value contains itself")
        self._count(node, place)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, place)
            if node.tag not in _PLAIN_TAGS:
                raise place.error(_unknown_tag(node.tag))
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            return Sequence([self.read(item) for item in node.value], place)
        finally:
            self._open.discard(id(node))

    def _count(self, node: yaml.Node, place: Place) -> None:
        # A few lines of aliases of aliases stand for billions of values.
        if id(node) in self._seen:
            self._repeated += 1
            if self._repeated > ALIAS_LIMIT:
                raise place.error(f"the aliases of this file stand for more than {ALIAS_LIMIT} values")
        self._seen.add(id(node))

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._document, node.start_mark.line + 1, node.start_mark.column + 1)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Mapping:
        entries: dict[str, Value] = {}
        keys: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key_place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _PLAIN_TAGS:
                raise key_place.error("a key is a plain text")
            key = key_node.value
            if key == "<<":
                raise key_place.error("merge keys (<<) are not supported; repeat the values or use an alias")
            if key in entries:
                raise key_place.error(f"the key {key!r} is here twice, first in line {keys[key].line}")
            keys[key] = key_place
            entries[key] = self.read(value_node)
        return Mapping(entries, keys, place)

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Scalar:
        text: str = node.value
        if node.tag == ENV_TAG:
            text = _with_variables(text, place)
        elif node.tag not in _PLAIN_TAGS:
            raise place.error(_unknown_tag(node.tag))
        plain = node.style is None and node.tag != ENV_TAG and node.end_mark.index - node.start_mark.index == len(text)
        return Scalar(text, place, plain, _lines(node, self._document))


def _unknown_tag(tag: str) -> str:
    shown = tag.replace("tag:yaml.org,2002:", "!!")
    return f"the tag {shown} is not supported; the only one is {ENV_TAG}"


def _with_variables(text: str, place: Place) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if name is None:
            raise place.error("a variable is written like ${NAME} or ${NAME:default}")
        found = os.environ.get(name, default)
        if found is None:
            raise place.error(f"the environment variable {name} is not set")
        return found

    return _VARIABLE.sub(value, text)


def _lines(node: yaml.ScalarNode, document: Document) -> tuple[int, ...]:
    """Return, for each line of a scalar's text, its line in the file (counted from 1)."""
    first, last = node.start_mark.line + 1, node.end_mark.line + 1
    value: str = node.value
    count = value.count("\n") + 1
    if node.style == "|":
        return tuple(range(first + 1, first + 1 + count))
    if first == last:
        return (first,) * count
    # Folding changes white space only: the n-th visible character of the text is the n-th one of the file. (Escapes
    # in double quotes shift that by a few characters, which may name a neighbouring line.)
    start = first if node.style == ">" else first - 1
    lines = document.lines[start:last]
    if node.style != ">":
        lines = (lines[0][node.start_mark.column :], *lines[1:])
    ends = []
    visible = 0
    for line in lines:
        visible += _visible(line)
        ends.append(visible)
    result: list[int] = []
    passed = 0
    for text in value.split("\n"):
        below = sum(end <= passed for end in ends)
        result.append(start + 1 + min(below, len(ends) - 1))
        passed += _visible(text)
    return tuple(result)


def _visible(text: str) -> int:
    return sum(not char.isspace() and char not in "\"'" for char in text)
