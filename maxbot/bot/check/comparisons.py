"""Comparisons that are never true: of an object with the text of its name or value."""

from collections.abc import Iterator

from jinja2 import nodes

from maxbot.bot.check.syntax import is_name, member, walk

_OBJECTS = {
    "message": "message.text",
    "dialog": "dialog.user_id",
    "rpc": "rpc.method",
    "params": "params.NAME",
    "user": "user.NAME",
    "slots": "slots.NAME",
    "intents": "intents.NAME",
    "entities": "entities.NAME.value",
    "utc_today": "utc_today|string",
    "utc_time": "utc_time|string",
}
_RECOGNISED = frozenset(("intents", "entities"))
_NOT_INTENTS = frozenset(("ranking", "irrelevant", "definitions"))
_NOT_ENTITIES = frozenset(("all_objects", "proxies"))
_WITHOUT_MEMBERS = frozenset(("user", "slots"))


def never_true(tree: nodes.Node, *, recogniser: bool) -> Iterator[tuple[str, int]]:
    """Yield what to say, and the line, of comparisons that can have but one outcome.

    Args:
        tree: Of an expression or template.
        recogniser: Whether the built-in one makes `intents` and `entities`.
    """
    for compare in walk(tree):
        if not isinstance(compare, nodes.Compare):
            continue
        left = compare.expr
        for operand in compare.ops:
            found = _wrong(left, operand.op, operand.expr)
            left = operand.expr
            if found is not None and (recogniser or found[0] not in _RECOGNISED):
                yield found[1], compare.lineno


def _wrong(left: nodes.Expr, operator: str, right: nodes.Expr) -> tuple[str, str] | None:
    """Return which name is compared, and what is wrong with it."""
    if operator in ("in", "notin"):
        if _plain(left) and isinstance(right, nodes.Name) and right.name in _WITHOUT_MEMBERS:
            return right.name, f"{right.name!r} holds no list: ask whether {right.name}.NAME is defined"
        return _object(left) if _plain(right) else None
    for one, other in ((left, right), (right, left)):
        if _plain(other):
            return _object(one) or _number(one, other)
    return None


def _plain(node: nodes.Expr) -> bool:
    """Whether it is a text, number, flag or a list of such."""
    if isinstance(node, nodes.List | nodes.Tuple):
        return bool(node.items) and all(map(_plain, node.items))
    return isinstance(node, nodes.Const) and node.value is not None


def _object(node: nodes.Expr) -> tuple[str, str] | None:
    """Return the name of an object and what to compare instead, None if it is none."""
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name in _OBJECTS:
        return node.name, f"{node.name!r} itself is never equal to a value: compare {_OBJECTS[node.name]}"
    found = member(node)
    if found is None:
        return None
    owner, name = found
    if is_name(owner, "intents") and name not in _NOT_INTENTS:
        advice = "intents.top.name" if name == "top" else f"intents.{name} alone says whether it is meant"
        return "intents", f"an intent is never equal to a value: {'compare ' if name == 'top' else ''}{advice}"
    if is_name(owner, "entities") and name not in _NOT_ENTITIES:
        return "entities", f"an entity is never equal to a value: compare entities.{name}.value"
    inner = member(owner)
    if name == "first" and inner is not None and is_name(inner[0], "entities"):
        return "entities", f"a find is never equal to a value: compare entities.{inner[1]}.value"
    return None


def _number(node: nodes.Expr, other: nodes.Expr) -> tuple[str, str] | None:
    found = member(node)
    inner = member(found[0]) if found is not None else None
    is_number = inner is not None and is_name(inner[0], "entities") and inner[1] == "number"
    is_text = isinstance(other, nodes.Const) and isinstance(other.value, str)
    if is_text and is_number and found is not None and found[1] == "value":
        return "entities", "entities.number.value is a number, which no text is equal to: leave the quotes out"
    return None
