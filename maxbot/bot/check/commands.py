"""Jumps and control commands that stand literally in templates. Templates may build others, which only a turn sees."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, TypeAlias

from jinja2 import Environment, nodes

from maxbot.bot.check.scenarios import CONTROL_COMMANDS, Text
from maxbot.bot.check.syntax import parse, walk

_CONTROL = frozenset().union(*CONTROL_COMMANDS.values())
# What stands in these is not looked at: comments, CDATA, and the text of a text.
_HIDDEN = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(text|caption)\b[^>]*(?<!/)>.*?</\1\s*>", re.DOTALL)
_ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)((?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*/?>")
_ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class Element(NamedTuple):
    """An element that a template writes."""

    name: str
    attributes: dict[str, str]
    line: int
    """In the text."""
    is_control: bool
    """Its name is that of a control command."""


def elements_of(environment: Environment, text: Text) -> Iterator[Element]:
    """Yield the elements that stand literally in a template, with all of their attributes."""
    yield from elements_in(parse(environment, text))


def elements_in(tree: nodes.Node) -> Iterator[Element]:
    """Yield those of a template, or of a part of it."""
    for node in walk(tree):
        if isinstance(node, nodes.TemplateData):
            # What is hidden keeps its line ends, so that lines stay right.
            data = _HIDDEN.sub(lambda match: "\n" * match[0].count("\n"), node.data)
            for match in _ELEMENT.finditer(data):
                line = node.lineno + data.count("\n", 0, match.start())
                attributes = {name: double or single for name, double, single in _ATTRIBUTE.findall(match[2])}
                yield Element(match[1], attributes, line, match[1] in _CONTROL)


CannotSend: TypeAlias = Callable[[str], Collection[str]]
"""Returns the channels of the bot that cannot send a kind of reply."""


def unsendable(element: Element, cannot_send: CannotSend) -> str | None:
    """Return which channels cannot send what an element says, None if all can."""
    channels = cannot_send(element.name)
    return f"{', '.join(sorted(channels))} cannot send <{element.name}>" if channels else None


def misplaced(text: Text, element: Element) -> str | None:
    """Return what is wrong with a control command in this place, None if nothing is."""
    allowed = CONTROL_COMMANDS[text.kind]
    if element.is_control and element.name not in allowed:
        may = ", ".join(f"<{name}/>" for name in sorted(allowed))
        return f"<{element.name}/> cannot stand in a {text.kind!r}, only {may} can"
    return None
