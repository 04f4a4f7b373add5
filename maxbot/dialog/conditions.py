"""Conditions that are known to be false without being evaluated.

A condition like `message.text == 'yes'` or `intents.help and not slots.done` can only be true if the message has a
certain text, intent or RPC method: its **keys**. Of a long list of nodes only those with a key that the turn
has are looked at. A condition whose keys say all there is to say (`intents.help`) needs no evaluation at all.
"""

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from jinja2 import nodes

from maxbot.dialog.environment import Names
from maxbot.dialog.rpc import called
from maxbot.dialog.templates import Expression, Scope


class Key(NamedTuple):
    """What a turn must have for a condition to be true."""

    kind: str
    """`text`, `rpc` or `intent`."""
    value: str


class Keys(NamedTuple):
    """The keys of a condition, of which the turn must have one. None at all: it is never true."""

    keys: frozenset[Key]
    exact: bool
    """Whether the condition is true for each of its keys."""


class Condition:
    """A compiled condition.

    Args:
        expression: What the author wrote.
        intents: Names of intents that are no error.
    """

    __slots__ = ("_expression", "keys", "text")

    def __init__(self, expression: Expression, intents: Container[str]) -> None:
        self.text = expression.source.text
        found = keys_of(expression.root, intents)
        self.keys: frozenset[Key] | None = found.keys if found else None
        """One of them must be there for the condition to be true; None: nobody knows without evaluating it."""
        self._expression = None if found and found.exact else expression.compile()

    def holds(self, scope: Scope) -> bool:
        """Return whether it is true.

        Raises:
            TurnError: It could not be evaluated; the text has file and line.
        """
        if self._expression is not None:
            return self._expression.holds(scope)
        return any(fact(scope.names, key.kind) == key.value for key in self.keys or ())


def fact(names: Names, kind: str) -> Any:
    """Return what a turn has of a kind of keys; an intent is recognised only when this asks for it."""
    if kind == "text":
        return names["message"].get("text")
    if kind == "rpc":
        return called(names["rpc"])
    top = names["intents"].top
    return top.name if top is not None else None


RESERVED_INTENTS = frozenset({"top", "ranking", "irrelevant", "definitions"})
RESERVED_RPC = frozenset({"method", "params", "request"})


def keys_of(expression: nodes.Expr, intents: Container[str]) -> Keys | None:
    """Return the keys of a condition, None where it has to be evaluated in any turn.

    Args:
        expression: As Jinja has parsed it.
        intents: Names of intents that are no error; others have to be evaluated to be one.
    """
    match expression:
        case nodes.Const():
            return None if expression.value else Keys(frozenset(), True)
        case nodes.Compare():
            return _compared(expression)
        case nodes.And():
            # From left to right, as it would be evaluated: what is false on the left hides errors on the right.
            left = keys_of(expression.left, intents)
            return left and Keys(left.keys, False)
        case nodes.Or():
            left, right = keys_of(expression.left, intents), keys_of(expression.right, intents)
            return left and right and Keys(left.keys | right.keys, left.exact and right.exact)
        case nodes.Getattr() | nodes.Getitem():
            return _named(expression, intents)
    return None


def _compared(expression: nodes.Compare) -> Keys | None:
    if len(expression.ops) != 1:
        return None
    operand = expression.ops[0]
    values = _texts(operand.expr, operand.op)
    kind = {("message", "text"): "text", ("rpc", "method"): "rpc"}.get(_path(expression.expr))
    if kind is None or values is None:
        return None
    return Keys(frozenset(Key(kind, value) for value in values), True)


def _texts(expression: nodes.Expr, operator: str) -> Sequence[str] | None:
    """Return the texts that something is compared with."""
    items = [expression] if operator == "eq" else None
    if operator == "in" and isinstance(expression, nodes.List | nodes.Tuple):
        items = expression.items
    if items is None or not all(isinstance(item, nodes.Const) and isinstance(item.value, str) for item in items):
        return None
    return [item.value for item in items if isinstance(item, nodes.Const)]


def _named(expression: nodes.Expr, intents: Container[str]) -> Keys | None:
    scope, name = _path(expression)
    if scope == "intents" and name not in RESERVED_INTENTS and name in intents:
        return Keys(frozenset({Key("intent", name)}), True)
    if scope == "rpc" and name and name not in RESERVED_RPC:
        return Keys(frozenset({Key("rpc", name)}), True)
    return None


def _path(expression: nodes.Expr) -> tuple[str, str]:
    """Return `("message", "text")` for `message.text`, empty texts for what is nothing of this kind."""
    if isinstance(expression, nodes.Getattr) and isinstance(expression.node, nodes.Name):
        return expression.node.name, expression.attr
    if isinstance(expression, nodes.Getitem) and isinstance(expression.node, nodes.Name):
        name = expression.arg.value if isinstance(expression.arg, nodes.Const) else None
        return (expression.node.name, name) if isinstance(name, str) else ("", "")
    return "", ""
