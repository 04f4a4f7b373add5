"""Elements that stand literally in templates and that no command has the name of."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from jinja2 import Environment, nodes

from maxbot.bot.check.scenarios import CONTROL_COMMANDS, Text
from maxbot.bot.check.syntax import parse, walk
from maxbot.maxml import CommandSchema, Field

_CONTROL = frozenset().union(*CONTROL_COMMANDS.values())
_BREAK = "br"
# What these make may come to stand in a text, where any element may.
_ELSEWHERE = (nodes.Macro, nodes.AssignBlock, nodes.CallBlock, nodes.FilterBlock)
_NAME = re.compile(r"<([A-Za-z_][\w.-]*)(?=[\s/>])")


class Elements:
    """The elements that the templates of a bot may write."""

    def __init__(self, schemas: Iterable[CommandSchema]) -> None:
        fields = [(schema.name, field) for schema in schemas for field in _all_fields(schema.fields)]
        self._commands = frozenset(name for name, _ in fields) | {schema.name for schema in schemas} | _CONTROL
        self._known = self._commands | {field.tag for _, field in fields} | {_BREAK}
        markup = {name if field.stands == "content" else field.tag for name, field in fields if field.type == "markup"}
        any_of = "|".join(map(re.escape, sorted(markup))) or "(?!)"
        inside = rf"<({any_of})(?![\w.-])[^<>]*(?<!/)>.*?</\1\s*>"
        self._hidden = re.compile(rf"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|{inside}", re.DOTALL)

    @property
    def commands(self) -> Iterable[str]:
        """Names that may have been meant."""
        return self._commands

    def unknown(self, environment: Environment, text: Text) -> Iterator[tuple[str, int]]:
        """Yield the names that are none, each with its line in the template."""
        found = list(walk(parse(environment, text)))
        if any(isinstance(node, _ELSEWHERE) for node in found):
            return
        # A text may be in parts, around what is printed in it.
        parts = [node for node in found if isinstance(node, nodes.TemplateData)]
        starts = list(accumulate((len(part.data) for part in parts), initial=0))
        whole = self._hidden.sub(lambda match: " " * len(match[0]), "".join(part.data for part in parts))
        for match in _NAME.finditer(whole):
            if match[1] not in self._known:
                number = bisect_right(starts, match.start()) - 1
                before = parts[number].data[: match.start() - starts[number]]
                yield match[1], parts[number].lineno + before.count("\n")


def _all_fields(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _all_fields(field.fields)
