"""The trees of expressions and templates, to look for names in them."""

from collections.abc import Iterator

from jinja2 import Environment, nodes
from jinja2.parser import Parser

from maxbot.bot.check.scenarios import Text


def parse(environment: Environment, text: Text) -> nodes.Node:
    """Return the tree; its line numbers are those of the text. Loading the bot has seen that it can be parsed."""
    if text.is_template:
        return environment.parse(text.source.text)
    return Parser(environment, text.source.text, state="variable").parse_expression()


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield a node and all below it, in their order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(node.iter_child_nodes())))


def member(node: nodes.Node) -> tuple[nodes.Node, str] | None:
    """Return what `a.b` and `a['b']` look into and for, None for any other node."""
    if isinstance(node, nodes.Getattr) and node.ctx == "load":
        return node.node, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return node.node, node.arg.value
    return None


def is_name(node: nodes.Node, name: str) -> bool:
    """Whether it reads the variable of that name."""
    return isinstance(node, nodes.Name) and node.name == name and node.ctx == "load"


def guarded(tree: nodes.Node) -> set[int]:
    """Return the nodes that are used as if they may be undefined: `x is defined`, `x|default(...)`."""
    found: set[int] = set()
    for node in walk(tree):
        is_test = isinstance(node, nodes.Test) and node.name in ("defined", "undefined", "none")
        is_filter = isinstance(node, nodes.Filter) and node.name in ("default", "d", "mandatory")
        inner = getattr(node, "node", None)
        if (is_test or is_filter) and isinstance(inner, nodes.Node):
            found.update(map(id, walk(inner)))
    return found
