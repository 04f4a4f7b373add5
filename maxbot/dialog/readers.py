"""Values of expressions that change nothing, read without running them: `message.text|default('')|lower`.

What is read is what the expression's evaluation would give. Where that would raise something, reading raises something.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from jinja2 import nodes
from jinja2.filters import FILTERS

from maxbot.dialog.environment import Environment, Names

Read: TypeAlias = Callable[[Names], Any]
"""Returns the value of an expression, or raises what its evaluation would."""

NOT_A_NAME = frozenset({"self", "super", "caller", "loop", "varargs", "kwargs"})

PURE_FILTERS = frozenset(("lower", "upper", "trim", "capitalize", "title", "string", "length", "count")) | {
    *("default", "d", "first", "last", "int", "float", "abs", "round", "list", "min", "max")
}
_OF_TEXTS = frozenset(("lower", "upper", "casefold", "title", "capitalize", "strip", "lstrip", "rstrip")) | {
    *("split", "rsplit", "partition", "removeprefix", "removesuffix", "startswith", "endswith", "find", "count"),
    *("isdigit", "isalpha", "isalnum", "isnumeric", "isupper", "islower", "isspace"),
}
_OF_DATES = frozenset({"strftime", "isoformat", "weekday", "isoweekday", "date", "time"})
_PURE_METHODS: Sequence[tuple[type, frozenset[str]]] = (
    (str, _OF_TEXTS),
    (dict, frozenset({"get"})),
    (datetime, _OF_DATES),
    (date, _OF_DATES - {"time"}),
)
_ANY_METHOD = frozenset().union(*(methods for _, methods in _PURE_METHODS))


class Readers:
    """Makes readers of expressions.

    Args:
        environment: Evaluates them.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def reader(self, expression: nodes.Node) -> Read | None:
        """Return what reads the value of an expression that changes nothing, None for any other."""
        environment = self._environment
        match expression:
            case nodes.Name(name=name) if name not in NOT_A_NAME:
                return lambda names: names[name] if name in names else environment.undefined(name=name)
            case nodes.Getattr(node=node, attr=attribute):
                return _then(self.reader(node), lambda value: environment.getattr(value, attribute))
            case nodes.Getitem(node=node, arg=nodes.Slice() as part):
                return self._part(node, part)
            case nodes.Getitem(node=node, arg=nodes.Const(value=item)):
                return _then(self.reader(node), lambda value: environment.getitem(value, item))
            case nodes.Filter(node=nodes.Expr() as node, name=name) if environment.filters.get(name) is FILTERS.get(
                name
            ):
                return self._filtered(node, name, _arguments(expression)) if name in PURE_FILTERS else None
            case nodes.Call(node=nodes.Getattr(node=node, attr=method)) if method in _ANY_METHOD:
                return self._called(node, method, _arguments(expression))
            case nodes.Or(left=left, right=nodes.Const(value=other)):
                return _then(self.reader(left), lambda value: value or other)
        return None

    def _part(self, node: nodes.Node, part: nodes.Slice) -> Read | None:
        ends = [_constant(end) for end in (part.start, part.stop, part.step)]
        if any(end is _UNKNOWN for end in ends):
            return None
        cut = slice(*ends)
        return _then(self.reader(node), lambda value: value[cut])

    def _filtered(self, node: nodes.Expr, name: str, arguments: Sequence[Any] | None) -> Read | None:
        if arguments is None:
            return None
        call = self._environment.call_filter
        return _then(self.reader(node), lambda value: call(name, value, arguments))

    def _called(self, node: nodes.Expr, method: str, arguments: Sequence[Any] | None) -> Read | None:
        return None if arguments is None else _then(self.reader(node), _caller(method, arguments))


_UNKNOWN = object()


def _constant(node: nodes.Node | None) -> Any:
    match node:
        case None:
            return None
        case nodes.Const():
            return node.value
        case nodes.Neg(node=nodes.Const(value=int() as number)):
            return -number
    return _UNKNOWN


def _arguments(call: nodes.Filter | nodes.Call) -> Sequence[Any] | None:
    """Return the arguments, None where they are not all constants in their order."""
    if call.kwargs or call.dyn_args or call.dyn_kwargs:
        return None
    found = [_constant(argument) for argument in call.args]
    return None if _UNKNOWN in found else found


def _then(read: Read | None, go_on: Callable[[Any], Any]) -> Read | None:
    return None if read is None else lambda names: go_on(read(names))


def _caller(method: str, arguments: Sequence[Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        for kind, methods in _PURE_METHODS:
            if isinstance(value, kind) and method in methods:
                return getattr(value, method)(*arguments)
        raise TypeError(method)

    return call
