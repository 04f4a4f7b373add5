"""Makes the tree of a bot from what its author wrote: everything is compiled once, at load."""

from collections.abc import Container, Sequence

from maxbot.dialog.branch import Branch, Item, Subtree
from maxbot.dialog.conditions import Condition
from maxbot.dialog.definitions import (
    HandlerDefinition,
    NodeDefinition,
    SlotDefinition,
    SubtreeDefinition,
    SubtreeReference,
)
from maxbot.dialog.definitions import Item as ItemDefinition
from maxbot.dialog.keys import Analyst
from maxbot.dialog.nodes import Handler, Node, Slot
from maxbot.dialog.scenario import Place, Reader, Scenario
from maxbot.dialog.source import Source
from maxbot.dialog.templates import Expression, Templates

DEPTH_LIMIT = 50
"""Subtrees inside each other."""


class Tree:
    """The nodes of a bot, compiled.

    Args:
        dialog: The nodes at the root.
        subtrees: Those that are referred to, and perhaps others.
        templates: Compiles.
        read: Makes commands of rendered texts.
        intents: Names of intents that are no error in a condition.
        entities: Names of entities that are defined in each message with a text.

    Raises:
        BotError: Some conditions or templates are wrong; has file and line of each.
    """

    def __init__(
        self,
        dialog: Sequence[ItemDefinition],
        subtrees: Sequence[SubtreeDefinition],
        templates: Templates,
        read: Reader,
        intents: Container[str],
        entities: Container[str] = (),
    ) -> None:
        self.root = Branch()
        self.nodes: dict[str, Node] = {}
        """Those with a label."""
        analyst = Analyst(templates.expressions, intents, entities)
        _Compiler(self, subtrees, templates, read, analyst).fill(self.root, dialog, is_root=True)


class _Compiler:
    def __init__(
        self,
        tree: Tree,
        subtrees: Sequence[SubtreeDefinition],
        templates: Templates,
        read: Reader,
        analyst: Analyst,
    ) -> None:
        self._tree = tree
        self._subtrees = {subtree.name: subtree for subtree in subtrees}
        self._templates = templates
        self._read = read
        self._analyst = analyst
        self._depth = 0

    def fill(self, branch: Branch, definitions: Sequence[ItemDefinition], *, is_root: bool) -> None:
        items: list[Item] = []
        for index, definition in enumerate(definitions):
            if isinstance(definition, SubtreeReference):
                items.append(self._subtree(definition, is_root))
            else:
                items.append(self._node(definition, branch, index, is_root))
        branch.fill(items)

    def _subtree(self, reference: SubtreeReference, is_root: bool) -> Subtree:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise reference.place.error(f"more than {DEPTH_LIMIT} subtrees are inside each other")
        definition = self._subtrees[reference.name]
        subtree = Subtree(definition.name, self._condition(definition.guard) if definition.guard else None)
        self.fill(subtree.branch, definition.nodes, is_root=is_root)
        self._depth -= 1
        return subtree

    def _node(self, definition: NodeDefinition, branch: Branch, index: int, is_root: bool) -> Node:
        node = Node(
            label=definition.label,
            condition=self._condition(definition.condition),
            response=self._scenario(definition.response, Place.NODE),
            slots=tuple(self._slot(slot) for slot in definition.slot_filling or ()),
            handlers=tuple(self._handler(handler) for handler in definition.slot_handlers),
            may_return=definition.settings.after_digression_followup == "allow_return",
            is_root=is_root,
            branch=branch,
            index=index,
        )
        if definition.followup:
            node.followups = Branch()
            self.fill(node.followups, definition.followup, is_root=False)
        if node.label is not None:
            self._tree.nodes[node.label] = node
        return node

    def _slot(self, definition: SlotDefinition) -> Slot:
        return Slot(
            name=definition.name,
            check_for=self._expression(definition.check_for),
            value=self._expression(definition.value) if definition.value else None,
            condition=self._condition(definition.condition) if definition.condition else None,
            prompt=self._scenario(definition.prompt, Place.PROMPT) if definition.prompt else None,
            found=self._scenario(definition.found, Place.FOUND) if definition.found else None,
            not_found=self._scenario(definition.not_found, Place.NOT_FOUND) if definition.not_found else None,
        )

    def _handler(self, definition: HandlerDefinition) -> Handler:
        return Handler(self._condition(definition.condition), self._scenario(definition.response, Place.HANDLER))

    def _condition(self, source: Source) -> Condition:
        return Condition(self._expression(source, compiled=False), self._analyst)

    def _expression(self, source: Source, *, compiled: bool = True) -> Expression:
        expression = self._templates.expression(source)
        return expression.compile() if compiled else expression

    def _scenario(self, source: Source, place: Place) -> Scenario:
        return Scenario(self._templates.template(source), place, self._read)
