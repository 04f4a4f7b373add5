"""All expressions and templates of a bot, with what they are: each kind sees other names, and may say other things."""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from maxbot.dialog.definitions import BotDefinition, Item, NodeDefinition, SlotDefinition
from maxbot.dialog.source import Source

EVERYWHERE = frozenset(
    ("message", "dialog", "user", "slots", "intents", "entities", "rpc", "params", "utc_time", "utc_today")
)
"""Names that all expressions and templates see."""

MORE_NAMES: dict[str, Set[str]] = {
    "condition": {"digressing"},
    "response": {"returning", "digressing"},
    "check_for": {"slot_in_focus"},
    "found": {"previous_value", "current_value"},
}
"""Names that some of them see besides."""

CONTROL_COMMANDS: dict[str, Set[str]] = {
    "response": {"listen", "followup", "jump_to", "end"},
    "found": {"move_on", "prompt_again", "listen_again", "response"},
    "not_found": {"prompt_again", "listen_again", "response"},
    "prompt": {"listen_again", "response"},
    "handler": {"move_on", "response"},
}
"""By kind of template."""

FILE = "file"
"""The kind of a file that templates import: what it holds may come to stand in any of them."""

MORE_NAMES[FILE] = frozenset().union(*MORE_NAMES.values())
CONTROL_COMMANDS[FILE] = frozenset().union(*CONTROL_COMMANDS.values())


class Text(NamedTuple):
    """An expression or template."""

    kind: str
    """`condition`, `response`, `check_for`, `found` and the like; a handler's response is `handler`."""
    source: Source
    is_template: bool
    names: frozenset[str] = frozenset()
    """What those that include it have set."""


def nodes_of(items: Sequence[Item]) -> Iterator[NodeDefinition]:
    """Yield the nodes of a list and all below them; those of subtrees are elsewhere."""
    waiting = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, NodeDefinition):
            yield item
            waiting.extend(reversed(item.followup or ()))


def texts_of(bot: BotDefinition) -> Iterator[Text]:
    """Yield all of them, in the order of the files."""
    for node in nodes_of(bot.dialog):
        yield from _of_node(node)
    for subtree in bot.subtrees:
        if subtree.guard is not None:
            yield Text("guard", subtree.guard, False)
        for node in nodes_of(subtree.nodes):
            yield from _of_node(node)


def _of_node(node: NodeDefinition) -> Iterator[Text]:
    yield Text("condition", node.condition, False)
    for slot in node.slot_filling or ():
        yield from _of_slot(slot)
    for handler in node.slot_handlers:
        yield Text("handler condition", handler.condition, False)
        yield Text("handler", handler.response, True)
    yield Text("response", node.response, True)


def _of_slot(slot: SlotDefinition) -> Iterator[Text]:
    for kind in ("condition", "check_for", "value"):
        source = getattr(slot, kind)
        if source is not None:
            yield Text("slot condition" if kind == "condition" else kind, source, False)
    for kind in ("prompt", "found", "not_found"):
        source = getattr(slot, kind)
        if source is not None:
            yield Text(kind, source, True)
