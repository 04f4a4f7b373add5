"""The dialog tree: a list of nodes; the first whose condition is true answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maxbot.dialog.definitions import NodeDefinition
from maxbot.dialog.templates import Expression, Templates, TextTemplate
from maxbot.types import Dialog, Message, State


@dataclass(frozen=True)
class _Node:
    condition: Expression
    response: TextTemplate


class Tree:
    """The nodes of a bot, compiled.

    Raises:
        BotError: A condition or response is wrong; has file and line.
    """

    def __init__(self, definitions: Sequence[NodeDefinition]) -> None:
        self._templates = Templates()
        self._nodes = [
            _Node(self._templates.expression(definition.condition), self._templates.template(definition.response))
            for definition in definitions
        ]

    def run(self, message: Message, dialog: Dialog, state: State) -> list[dict[str, Any]]:
        """Answer one message.

        Args:
            message: What the user said. Templates may change it, so it is the caller's copy.
            dialog: Who said it.
            state: Is changed: `user` and `slots` keep what the templates put there.

        Returns:
            The commands, none where no condition is true or the response is empty.

        Raises:
            TurnError: A condition or response failed; the text has file and line.
        """
        user, slots = state.pop("user", {}), state.pop("slots", {})
        scope = self._templates.scope(
            {
                "message": message,
                "dialog": {"channel_name": dialog.channel, "user_id": dialog.user},
                "user": user,
                "slots": slots,
            }
        )
        node = next((node for node in self._nodes if node.condition.holds(scope)), None)
        commands = _commands(node.response.render(scope)) if node else []
        # What is empty is not kept: the state of a bot that remembers nothing stays `{}`.
        state.update({name: value for name, value in (("user", user), ("slots", slots)) if value})
        return commands


def _commands(text: str) -> list[dict[str, Any]]:
    return [{"text": text}] if text else []
