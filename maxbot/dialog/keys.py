"""What a condition needs: read off its expression, so that it is not evaluated in turns that cannot have it.

A condition like `message.text == 'yes'` or `intents.help and not slots.done` can only be true if a certain **look** at
the turn finds something: a text, a top intent, a variable. A `Key` is a look and what it must find. A condition has one
or several alternatives: sets of keys, of each of which the turn must have one. Where it has none, the condition is
false, and its evaluation would have changed nothing and raised nothing.
"""

from collections.abc import Container, Hashable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.tests import TESTS

from maxbot.dialog.environment import DICT_ATTRIBUTES, Environment, LanguageUndefined
from maxbot.dialog.readers import NOT_A_NAME, Read, Readers

VARIABLES = frozenset({"user", "slots"})
MAPPINGS = frozenset({"message", "params", "dialog"})
COSTLY = frozenset({"intents", "entities"})
"""What is found out only when it is asked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a turn.

    `scope` is `message`, `user`, `intents` and so on: a look at a name of these; `""`: at a name itself; `values`: at
    the values that were found of an entity; `=`: at the value of an expression.
    """

    scope: str
    name: str
    costs: str | None = field(default=None, compare=False)
    """What is perhaps found out first: one of `COSTLY`."""
    read: Read | None = field(default=None, compare=False)
    """Of an expression."""
    guard: "Key | None" = None
    """Without it nobody looks at the expression."""


class How(Enum):
    """What a look must find."""

    __hash__ = object.__hash__  # Enum's own is in Python, and asked for at each turn

    EQUAL = auto()
    TRUE = auto()
    DEFINED = auto()
    HOLDS = auto()
    """A text with a piece in it."""
    STARTS = auto()
    """A text that starts with another."""
    GT = auto()
    """A number above another; then at least, below, at most."""
    GTEQ = auto()
    LT = auto()
    LTEQ = auto()
    NO_TEXT = auto()
    """What raises something where a text is wanted."""
    NO_NUMBER = auto()
    RAISES = auto()
    """Nothing: looking raises something."""


BOUNDS = frozenset({How.GT, How.GTEQ, How.LT, How.LTEQ})
RISKS = frozenset({How.NO_TEXT, How.NO_NUMBER, How.RAISES})
"""What hardly any turn has."""


class Key(NamedTuple):
    """A look and what it must find."""

    look: Look
    how: How
    value: Hashable = None


NO_KEYS: frozenset[Key] = frozenset()


class Needs(NamedTuple):
    """What is known of an expression without evaluating it."""

    alternatives: tuple[frozenset[Key], ...] = ()
    """A set without a key: it is never true. None at all: nobody knows."""
    risks: frozenset[Key] | None = None
    """Without any of these, evaluating it raises nothing and changes nothing; None: nobody knows."""
    exact: bool = False
    """Whether it is true for each key of the first alternative."""


NOTHING = Needs()
MOST_ALTERNATIVES = 3

RESERVED = {
    "intents": frozenset({"top", "ranking", "irrelevant", "definitions"}),
    "rpc": frozenset({"params", "request"}),
    "entities": frozenset({"all_objects", "proxies"}),
}
OF_A_FIND = frozenset(
    {"name", "literal", "start_char", "end_char", "extras", "first", "all_values", "all_objects", "value"}
)
"""Names of an entity that are no values."""
PURE_TESTS = frozenset({"string", "number", "integer", "float", "boolean", "mapping", "true", "false", "undefined"})


class Analyst:
    """Reads off what expressions need.

    Args:
        environment: Evaluates them.
        intents: Names that are no error.
        entities: Names that are defined in each message with a text.
    """

    def __init__(self, environment: Environment, intents: Container[str], entities: Container[str]) -> None:
        self._environment = environment
        self._readers = Readers(environment)
        self._known = {"intents": intents, "entities": entities}

    def needs(self, expression: nodes.Expr) -> Needs:
        """Return what an expression needs to be true."""
        if self._environment.undefined is not LanguageUndefined:
            return NOTHING  # the author has other ideas of what is false
        try:
            return self._needs(expression)
        except RecursionError:
            return NOTHING

    def _needs(self, expression: nodes.Expr) -> Needs:
        match expression:
            case nodes.Const():
                return Needs((), NO_KEYS) if expression.value else Needs((NO_KEYS,), NO_KEYS, True)
            case nodes.And():
                return _both(self._needs(expression.left), self._needs(expression.right))
            case nodes.Or():
                return _either(self._needs(expression.left), self._needs(expression.right))
            case nodes.Not():
                return Needs((), self._needs(expression.node).risks)
            case nodes.Compare(ops=[nodes.Operand(op=operator, expr=right)]):
                return self._compared(expression.expr, operator, right)
            case nodes.Test():
                return self._tested(expression)
            case nodes.Call(node=nodes.Getattr(node=text, attr="startswith"), args=[nodes.Const(value=str(start))]):
                return self._starts(text, start) if not _has_more(expression) else NOTHING
        return self._true(expression)

    def _true(self, expression: nodes.Expr) -> Needs:
        entity, value = _entity_value(expression)
        if value is not None and value not in OF_A_FIND and entity in self._known["entities"]:
            return _needed(Look("values", entity, "entities"), How.EQUAL, value, How.RAISES)
        look = self._named(expression)
        if look is not None:
            return Needs((frozenset({Key(look, How.TRUE)}),), NO_KEYS, look.scope in ("intents", "rpc"))
        look, risks = self._value(expression)
        return NOTHING if look is None else Needs((frozenset({Key(look, How.TRUE)}),), risks)

    def _compared(self, left: nodes.Expr, operator: str, right: nodes.Expr) -> Needs:
        if isinstance(left, nodes.Const) and operator in _TURNED:
            left, operator, right = right, _TURNED[operator], left
        if operator in _BOUNDS:
            return self._bounded(left, operator, right)
        if isinstance(left, nodes.Const):
            return self._holds(left.value, operator, right)
        look, risks = self._value(left)
        values = _constants(right, operator)
        if look is None or values is None:
            return Needs((), _together(risks, self._value(right)[1] if operator in ("eq", "ne") else None))
        if operator in ("ne", "notin"):
            return Needs((), risks)
        if not values and risks:
            return NOTHING  # it is false, or raises something
        entity, name = _entity_value(left)
        if name == "value" and entity in self._known["entities"]:
            look = Look("values", entity, "entities")
            risks = frozenset({Key(look, How.RAISES)})
        keys = frozenset(Key(look, How.EQUAL, value) for value in values)
        return Needs((keys,), risks, look.scope in ("message", "rpc"))

    def _bounded(self, left: nodes.Expr, operator: str, right: nodes.Expr) -> Needs:
        # What is no number, or not there, cannot be compared: a look at the value tells, one at a name does not.
        look = self._expression(left)
        if look is None or not isinstance(right, nodes.Const) or type(right.value) not in (int, float):
            return NOTHING
        return _needed(look, _BOUNDS[operator], right.value, How.NO_NUMBER)

    def _starts(self, text: nodes.Expr, start: str) -> Needs:
        look = self._expression(text)  # as above: what is no text has no such method
        return NOTHING if look is None else _needed(look, How.STARTS, start, How.NO_TEXT)

    def _holds(self, piece: Any, operator: str, text: nodes.Expr) -> Needs:
        look, _ = self._value(text)
        if look is None or not isinstance(piece, str) or operator not in ("in", "notin"):
            return NOTHING
        needs = _needed(look, How.HOLDS, piece, How.NO_TEXT)
        return needs if operator == "in" else Needs((), needs.risks)

    def _tested(self, test: nodes.Test) -> Needs:
        name = test.name
        if self._environment.tests.get(name) is not TESTS.get(name) or test.args:
            return NOTHING
        look, risks = self._value(test.node)
        if look is None or name not in ("defined", "none"):
            return Needs((), risks if name in PURE_TESTS else None)
        key = Key(look, How.DEFINED) if name == "defined" else Key(look, How.EQUAL)
        return Needs((frozenset({key}),), risks)

    def _named(self, expression: nodes.Expr) -> Look | None:
        """Return the look at a name, None if it is none. It raises nothing."""
        scope, name = path(expression)
        known = scope in RESERVED and not name.startswith("_") and name not in RESERVED[scope]
        if scope in VARIABLES or (scope in MAPPINGS and name not in DICT_ATTRIBUTES):
            return Look(scope, name)
        if known and (scope != "intents" or name in self._known["intents"]):
            return Look(scope, name, scope if scope in COSTLY else None)
        if isinstance(expression, nodes.Name) and expression.name not in NOT_A_NAME:
            return Look("", expression.name)
        return None

    def _value(self, expression: nodes.Expr) -> tuple[Look | None, frozenset[Key] | None]:
        """Return the look that finds the value of an expression, and the risks of evaluating it."""
        look = self._named(expression)
        # An intent that is not meant is none, and an entity that was not found is a value as well.
        if look is not None and look.scope not in COSTLY:
            return look, NO_KEYS
        found = self._expression(expression)
        if found is None:
            return None, None
        raises = look is None and path(expression) not in _OF_THE_RANKING
        return found, frozenset({Key(found, How.RAISES)}) if raises else NO_KEYS

    def _expression(self, expression: nodes.Expr) -> Look | None:
        read = self._readers.reader(expression)
        if read is None:
            return None
        names = {node.name for node in (expression, *expression.find_all(nodes.Name)) if isinstance(node, nodes.Name)}
        return Look("=", repr(expression), next(iter(sorted(names & COSTLY)), None), read)


def _needed(look: Look, how: How, value: Hashable, risk: How) -> Needs:
    return Needs((frozenset({Key(look, how, value)}),), frozenset({Key(look, risk)}))


def _together(one: frozenset[Key] | None, other: frozenset[Key] | None) -> frozenset[Key] | None:
    return None if one is None or other is None else one | other


def _both(left: Needs, right: Needs) -> Needs:
    # What is false on the left hides errors on the right: a turn that has only what the right needs is enough where the
    # left raises nothing.
    guard = _guard(left)
    alternatives = left.alternatives
    if left.risks is not None:
        alternatives += tuple(_guarded(keys, guard) | left.risks for keys in right.alternatives)
    risks = None if right.risks is None else _together(left.risks, _guarded(right.risks, guard))
    return Needs(alternatives[:MOST_ALTERNATIVES], risks)


def _guard(left: Needs) -> Key | None:
    """Return a key that is needed besides, where it costs nothing to see whether it is there."""
    for keys in left.alternatives:
        for key in keys:
            if len(keys) == 1 and key.look.read is None and key.look.costs is None and key.how in _PLAIN:
                return key
    return None


def _guarded(keys: frozenset[Key], guard: Key | None) -> frozenset[Key]:
    """Return keys whose looks at expressions are taken only where a turn has another key."""
    if guard is None:
        return keys
    return frozenset(
        key._replace(look=replace(key.look, guard=guard)) if key.look.read and not key.look.guard else key
        for key in keys
    )


def _either(left: Needs, right: Needs) -> Needs:
    alternatives = tuple(one | other for one in left.alternatives for other in right.alternatives)
    return Needs(alternatives[:MOST_ALTERNATIVES], _together(left.risks, right.risks), left.exact and right.exact)


def _has_more(call: nodes.Call) -> bool:
    return bool(call.kwargs or call.dyn_args or call.dyn_kwargs)


_BOUNDS = {"gt": How.GT, "gteq": How.GTEQ, "lt": How.LT, "lteq": How.LTEQ}
_TURNED = {"eq": "eq", "ne": "ne", "gt": "lt", "gteq": "lteq", "lt": "gt", "lteq": "gteq"}
_PLAIN = frozenset({How.EQUAL, How.TRUE, How.DEFINED})
_OF_THE_RANKING = frozenset(("intents", name) for name in ("top", "irrelevant", "ranking"))


def _constants(expression: nodes.Expr, operator: str) -> list[Hashable] | None:
    """Return what something is compared with, None where that is no constant."""
    items = [expression]
    if operator in ("in", "notin"):
        if not isinstance(expression, nodes.List | nodes.Tuple):
            return None
        items = expression.items
    elif operator not in ("eq", "ne"):
        return None
    found = [item.value for item in items if isinstance(item, nodes.Const)]
    return found if len(found) == len(items) else None


def _entity_value(expression: nodes.Expr) -> tuple[str, str | None]:
    """Return `("tool", "hammer")` for `entities.tool.hammer`."""
    match expression:
        case nodes.Getattr(node=node, attr=str(value)) | nodes.Getitem(node=node, arg=nodes.Const(value=str(value))):
            scope, name = path(node)
            if scope == "entities" and not value.startswith("_") and not name.startswith("_"):
                return name, value
    return "", None


def path(expression: nodes.Expr) -> tuple[str, str]:
    """Return `("message", "text")` for `message.text`, empty texts for what is nothing of this kind."""
    match expression:
        case nodes.Getattr(node=nodes.Name(name=scope), attr=str(name)):
            return scope, name
        case nodes.Getitem(node=nodes.Name(name=scope), arg=nodes.Const(value=str(name))):
            return scope, name
    return "", ""
