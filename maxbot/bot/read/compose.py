"""Puts the values of a YAML file together from the parser's events, without recursion, and bounded in every way."""

import re
from typing import Any

import yaml

from maxbot.bot.read import environment
from maxbot.bot.read.advice import BRACES
from maxbot.bot.read.mistakes import Mistakes, shown
from maxbot.bot.read.values import Broken, Mapping, Scalar, Sequence, Value
from maxbot.dialog.source import Document, Place
from maxbot.errors import BotError

ALIAS_LIMIT = 100_000
"""Values that the aliases of a file may stand for. A few lines of aliases of aliases stand for billions."""

TEXT_OF_A_VALUE = 100
"""Characters of an alias's text that count as one value more."""

DEPTH_LIMIT = 200
"""Lists and mappings inside each other: twice as many as nodes in the followups of nodes."""

_TEXT_TAGS = {None, "!", "tag:yaml.org,2002:str"}
_MAPPING_TAGS = {None, "!", "tag:yaml.org,2002:map"}
_SEQUENCE_TAGS = {None, "!", "tag:yaml.org,2002:seq"}


class Composer:
    """Turns events into a value.

    Args:
        document: Where the events come from.
        mistakes: Takes what is wrong and does not keep the rest from being read.
    """

    def __init__(self, document: Document, mistakes: Mistakes) -> None:
        self._document = document
        self._mistakes = mistakes
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | Place] = {}
        """A place for a value that is still being read."""
        self._aliased = 0
        self.documents = 0
        self.root: Value | None = None

    def take(self, event: Any) -> None:
        """Take the next event.

        Raises:
            BotError: The file cannot be read on.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event.anchor, 1 + len(event.value) // TEXT_OF_A_VALUE)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)

    def _start_document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self._place(event).error("there is a second document; a file has one")

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._document, mark.line + 1, mark.column + 1)

    def _scalar(self, event: Any) -> Value:
        text, tag, place = event.value, event.tag, self._place(event)
        if tag == environment.TAG:
            text, missing = environment.with_variables(text)
            for name in missing:
                self._mistakes.add(
                    place, f"the environment variable {name} is not set; with a default: ${{{name}:...}}"
                )
            if missing:
                return Broken(place)
        elif tag not in _TEXT_TAGS:
            return self._unknown_tag(tag, place)
        return Scalar(text, place, event.style or None, event.end_mark.line + 1, tag is not None)

    def _unknown_tag(self, tag: str, place: Place) -> Broken:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        if tag == environment.TAG:
            self._mistakes.add(place, f"{shown} stands before a text, not before a list or mapping")
        else:
            advice = f"the only one is {environment.TAG}; a text that begins with ! is put into quotes"
            self._mistakes.add(place, f"the tag {shown} is not supported: {advice}")
        return Broken(place)

    def _begin(self, event: Any) -> None:
        place = self._place(event)
        if len(self._open) >= DEPTH_LIMIT:
            raise _too_deep(place)
        broken = None
        if event.tag not in (_MAPPING_TAGS if isinstance(event, yaml.MappingStartEvent) else _SEQUENCE_TAGS):
            broken = self._unknown_tag(event.tag, place)
        if event.anchor:
            self._anchors[event.anchor] = place
        if isinstance(event, yaml.MappingStartEvent):
            self._open.append(_OpenMapping(Mapping({}, {}, place), event.anchor, broken, self._mistakes))
        else:
            self._open.append(_OpenSequence(Sequence([], place), event.anchor, broken))

    def _end(self) -> None:
        done = self._open.pop()
        self._add(done.broken or done.value, done.anchor, done.size, done.depth)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        if event.anchor not in self._anchors:
            advice = "a text that begins with * is put into quotes"
            raise place.error(f"there is no anchor &{event.anchor} above this alias; {advice}")
        anchored = self._anchors[event.anchor]
        if isinstance(anchored, Place):
            raise anchored.error(f"the value &{event.anchor} contains itself, in line {place.line}")
        self._aliased += anchored.size
        if self._aliased > ALIAS_LIMIT:
            raise place.error(f"the aliases of this file stand for more than {ALIAS_LIMIT} values")
        if len(self._open) + anchored.depth > DEPTH_LIMIT:
            raise _too_deep(place)
        self._add(anchored.value, None, anchored.size, anchored.depth, place)

    def _add(self, value: Value, anchor: str | None, size: int, depth: int = 0, place: Place | None = None) -> None:
        if anchor:
            self._anchors[anchor] = _Anchored(value, size, depth)
        if not self._open:
            self.root = value
            return
        parent = self._open[-1]
        parent.size += size
        parent.depth = max(parent.depth, depth + 1)
        parent.add(value, place or value.place)


class _Anchored:
    __slots__ = ("depth", "size", "value")

    def __init__(self, value: Value, size: int, depth: int) -> None:
        self.value = value
        self.size = size
        self.depth = depth


class _OpenSequence:
    """A list that is being read."""

    def __init__(self, value: Sequence, anchor: str | None, broken: Broken | None) -> None:
        self.value = value
        self.anchor = anchor
        self.broken = broken
        self.size = self.depth = 1

    def add(self, value: Value, place: Place) -> None:
        self.value.items.append(value)


class _OpenMapping:
    """A mapping that is being read: keys and values come in turns."""

    def __init__(self, value: Mapping, anchor: str | None, broken: Broken | None, mistakes: Mistakes) -> None:
        self.value = value
        self.anchor = anchor
        self.broken = broken
        self.size = self.depth = 1
        self._mistakes = mistakes
        self._key: str | None = None
        self._has_key = False

    def add(self, value: Value, place: Place) -> None:
        if not self._has_key:
            self._has_key, self._key = True, self._read_key(value, place)
            return
        if self._key is not None:
            self.value.entries[self._key] = value
        self._has_key = False

    def _read_key(self, key: Value, place: Place) -> str | None:
        """Return the key, None for one whose value is left out."""
        if isinstance(key, Broken):
            return None
        if not isinstance(key, Scalar):
            self._mistakes.add(place, _braces(key) or "a key is a text, not a list or mapping")
            return None
        if key.text == "<<" and key.style is None and not key.tagged:
            self._mistakes.add(place, "merge keys (<<) are not supported; repeat the values or use an alias")
            return None
        if key.text in self.value.keys:
            first = self.value.keys[key.text].line
            self._mistakes.add(place, f"the key {shown(key.text)} is here twice, first in line {first}")
            return None
        self.value.keys[key.text] = place
        return key.text


_Open = _OpenSequence | _OpenMapping


def _braces(key: Value) -> str | None:
    # `response: {{ name }}` is a mapping whose key is a mapping.
    line = key.place.document.lines[key.place.line - 1][: key.place.column]
    return BRACES if re.search(r"\{\s*\{$", line) else None


def _too_deep(place: Place) -> BotError:
    return place.error(f"the values are nested too deeply: more than {DEPTH_LIMIT} levels")
