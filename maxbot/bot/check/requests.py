"""What expressions and templates ask of requests: methods and parameters that the bot does not declare."""

from collections.abc import Collection, Iterator, Sequence

from jinja2 import nodes

from maxbot.bot.check.syntax import guarded, is_name, member, walk
from maxbot.bot.read.mistakes import nearest, shown
from maxbot.dialog.definitions import RpcMethodDefinition

RPC_WORDS = frozenset(("method", "params", "request"))
"""Attributes of `rpc` beside the method."""

Told = tuple[str, int]
"""What to say, and the line in the text."""


class Requests:
    """The requests that a bot takes."""

    def __init__(self, methods: Sequence[RpcMethodDefinition]) -> None:
        self._params = {each.method: frozenset(param.name for param in each.params) for each in methods}
        self._any = frozenset().union(*self._params.values())

    def unknown(self, tree: nodes.Node) -> Iterator[Told]:
        """Yield what is asked for and can never come."""
        careful, asked = guarded(tree), self._asked(tree)
        for node in walk(tree):
            found = member(node)
            if found is None or id(node) in careful:
                continue
            owner, name = found
            if is_name(owner, "rpc") and name not in self._params.keys() | RPC_WORDS:
                yield f"no request is called {_meant(name, self._params)}: `rpc` does not declare it", node.lineno
            elif _is_params(owner) and not hasattr(dict, name):
                yield from self._unknown_parameter(name, asked.get(id(node)), node.lineno)

    def _unknown_parameter(self, name: str, method: str | None, line: int) -> Iterator[Told]:
        if method is not None and name not in self._params[method]:
            yield f"the request {shown(method)} has no parameter {_meant(name, self._params[method])}", line
        elif name not in self._any:
            yield f"no request has a parameter {_meant(name, self._any)}", line

    def _asked(self, tree: nodes.Node) -> dict[int, str]:
        """Return the method of each node that is looked at only in its requests: `rpc.paid and params.sum > 9`."""
        found: dict[int, str] = {}
        for node in walk(tree):
            if isinstance(node, nodes.And):
                # In `a and b and c` the last `and` is the outer one.
                left = node.left.right if isinstance(node.left, nodes.And) else node.left
                inner = member(left)
                if inner is not None and is_name(inner[0], "rpc") and inner[1] in self._params:
                    found.update((id(each), inner[1]) for each in walk(node.right))
        return found


def _is_params(node: nodes.Node) -> bool:
    found = member(node)
    return is_name(node, "params") or (found is not None and is_name(found[0], "rpc") and found[1] == "params")


def _meant(name: str, known: Collection[str]) -> str:
    close = nearest(name, known)
    return f"{shown(name)}, did you mean {shown(close)}?" if close else shown(name)
