"""What is odd about the dialog: nodes that nothing reaches, slots of one name, handlers without slots."""

from collections.abc import Collection, Iterator, Sequence

from maxbot.dialog.definitions import BotDefinition, Item, NodeDefinition, SubtreeReference
from maxbot.dialog.source import Place

TRUE = ("true", "True")

Found = tuple[Place, str]


def check_tree(bot: BotDefinition, targets: Collection[str] | None) -> Iterator[Found]:
    """Yield what to warn of.

    Args:
        bot: The bot.
        targets: The labels that jumps name; None where a template builds a jump, which may go anywhere.
    """
    for items in lists_of(bot):
        yield from _unreachable(items, targets)
        for item in items:
            if isinstance(item, NodeDefinition):
                yield from _check_node(item)
    used = used_subtrees(bot)
    for subtree in bot.subtrees:
        if subtree.name not in used:
            yield subtree.place, f"nobody uses the subtree {subtree.name!r}"


def lists_of(bot: BotDefinition) -> Iterator[Sequence[Item]]:
    """Yield all lists of nodes: the dialog's, those of subtrees, and all followups."""
    waiting: list[Sequence[Item]] = [*(subtree.nodes for subtree in reversed(bot.subtrees)), bot.dialog]
    while waiting:
        items = waiting.pop()
        yield items
        waiting.extend(item.followup for item in reversed(items) if isinstance(item, NodeDefinition) and item.followup)


def used_subtrees(bot: BotDefinition) -> set[str]:
    """Return the names of the subtrees that take part in the dialog."""
    inside = {subtree.name: subtree.nodes for subtree in bot.subtrees}
    used: set[str] = set()
    waiting: list[Sequence[Item]] = [bot.dialog]
    while waiting:
        for item in waiting.pop():
            if isinstance(item, SubtreeReference):
                used.add(item.name)
                waiting.append(inside.get(item.name, ()))
            elif item.followup:
                waiting.append(item.followup)
    return used


def _unreachable(items: Sequence[Item], targets: Collection[str] | None) -> Iterator[Found]:
    """Yield the first node behind one that always answers, unless a jump can get behind it."""
    always: NodeDefinition | None = None
    for item in items:
        if always is not None:
            if not _jumped_to(item, targets):
                line = always.place.line
                yield item.place, f"nothing reaches this: the condition of the node in line {line} is always true"
            return
        if isinstance(item, NodeDefinition) and _always_answers(item):
            always = item


def _always_answers(node: NodeDefinition) -> bool:
    # While a node waits its digressions go to the nodes behind it.
    waits = bool(node.followup or node.slot_filling)
    return node.condition.text.strip() in TRUE and not waits


def _jumped_to(item: Item, targets: Collection[str] | None) -> bool:
    if isinstance(item, SubtreeReference):
        return True  # its nodes have labels of their own
    return item.label is not None and (targets is None or item.label in targets)


def _check_node(node: NodeDefinition) -> Iterator[Found]:
    names: set[str] = set()
    for slot in node.slot_filling or ():
        if slot.name in names:
            yield slot.place, f"another slot of this node is called {slot.name!r} too: both fill one variable"
        names.add(slot.name)
    if node.slot_handlers and not node.slot_filling:
        yield node.slot_handlers[0].place, "slot_handlers have no effect in a node without slots"
