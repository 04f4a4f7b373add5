"""Circles of jumps: nodes that, once one of them runs, hand on to each other for ever."""

from collections.abc import Iterator, Mapping, Sequence

from jinja2 import Environment, nodes

from maxbot.bot.check.commands import Element, elements_in
from maxbot.bot.check.scenarios import CONTROL_COMMANDS, Text, nodes_of
from maxbot.bot.check.syntax import parse, walk
from maxbot.bot.check.tree import TRUE
from maxbot.dialog.definitions import BotDefinition, Item, NodeDefinition
from maxbot.dialog.source import Place

# What these print may be a control command too.
_MAY_SAY_MORE = (
    nodes.Call,
    nodes.Filter,
    nodes.CallBlock,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
)
_STATEMENTS = (nodes.If, nodes.For, nodes.Macro, nodes.Block, nodes.With, nodes.FilterBlock, nodes.AssignBlock)


def endless(bot: BotDefinition, environment: Environment) -> Iterator[tuple[Place, str]]:
    """Yield each circle once, at the first of its nodes; only those that no turn can leave."""
    everything = [node for items in (bot.dialog, *(each.nodes for each in bot.subtrees)) for node in nodes_of(items)]
    labels = {node.label: node for node in everything if node.label is not None}
    following = {id(node): _next(node, labels, environment) for node in everything}
    seen: set[int] = set()
    for node in everything:
        path: list[NodeDefinition] = []
        step: NodeDefinition | None = node
        while step is not None and id(step) not in seen:
            seen.add(id(step))
            path.append(step)
            step = following[id(step)]
        if step is not None and any(step is each for each in path):
            yield _told(path[next(number for number, each in enumerate(path) if each is step) :])


def _told(circle: Sequence[NodeDefinition]) -> tuple[Place, str]:
    names = [node.label or node.condition.text for node in (*circle, circle[0])]
    return circle[0].place, f"this never ends: {' → '.join(names)}"


def _next(
    node: NodeDefinition, labels: Mapping[str, NodeDefinition], environment: Environment
) -> NodeDefinition | None:
    """Return the node that runs after this one whatever a turn brings, none if that depends."""
    if node.slot_filling:
        return None
    control = _certain(Text("response", node.response, True), environment)
    if control is None:
        return None
    if control.name == "followup":
        return _first(node.followup or ())
    target = labels.get(control.attributes.get("node", "")) if control.name == "jump_to" else None
    match control.attributes.get("transition"):
        case "response":
            return target
        case "condition":
            return target if target is not None and _is_true(target) else None
    return None


def _first(items: Sequence[Item]) -> NodeDefinition | None:
    first = items[0] if items else None
    return first if isinstance(first, NodeDefinition) and _is_true(first) else None


def _is_true(node: NodeDefinition) -> bool:
    return node.condition.text.strip() in TRUE


def _certain(text: Text, environment: Environment) -> Element | None:
    """Return the control command that decides in each turn; None if there is none, or not always the same."""
    if "<jump_to" not in text.source.text and "<followup" not in text.source.text:
        return None
    tree = parse(environment, text)
    assert isinstance(tree, nodes.Template)
    for statement in tree.body:
        inside = list(walk(statement))
        may_decide = any(isinstance(node, _MAY_SAY_MORE) for node in inside) or any(
            isinstance(node, _STATEMENTS) and any(_controls(node)) for node in inside
        )
        if may_decide:
            return None
        for control in _controls(statement):
            return control
    return None


def _controls(node: nodes.Node) -> Iterator[Element]:
    return (element for element in elements_in(node) if element.name in CONTROL_COMMANDS["response"])
