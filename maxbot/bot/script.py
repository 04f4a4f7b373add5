"""The dialog of a YAML bot, ready to run turns: what was said is checked and recognised, hooks and the engine run."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias

from maxbot.bot.markup import read_commands
from maxbot.dialog.conditions import AnyName
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.engine import Engine
from maxbot.dialog.rpc import RpcMethods
from maxbot.dialog.templates import Templates
from maxbot.dialog.tree import Tree
from maxbot.dialog.turn import TurnInput, TurnOutput
from maxbot.types import Dialog, Message, State

Recogniser: TypeAlias = Callable[[Message, datetime], Awaitable[tuple[Any, Any]]]
"""Returns intents and entities of a message, which may be computed when they are asked for."""


class Nothing:
    """Intents and entities of what has no text: no name is an error."""

    top = None
    ranking = ()
    irrelevant = True

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)


class Script:
    """What a YAML bot answers.

    Args:
        definition: What its author wrote.
        templates: With what extensions and the author's code have added.
        recognise: Finds intents and entities.

    Raises:
        BotError: A condition or template is wrong; has file and line.
    """

    def __init__(self, definition: BotDefinition, templates: Templates, recognise: Recogniser | None = None) -> None:
        self.rpc = RpcMethods(definition.rpc)
        tree = Tree(definition.dialog, definition.subtrees, templates, read_commands, AnyName())
        self._engine = Engine(tree, templates)
        self._recognise = recognise

    async def answer(self, message: Message, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a message.

        Raises:
            TurnError: It failed; the text has file and line.
        """
        intents, entities = Nothing(), Nothing()
        if self._recognise is not None and "text" in message:
            intents, entities = await self._recognise(message, utc_time)
        return await self._engine.run(
            TurnInput(
                dialog=dialog, state=state, utc_time=utc_time, message=message, intents=intents, entities=entities
            )
        )

    async def request(self, request: Any, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a request.

        Raises:
            RpcError: The request is refused.
            TurnError: It failed; the text has file and line.
        """
        checked = self.rpc.check(request)
        return await self._engine.run(
            TurnInput(dialog=dialog, state=state, utc_time=utc_time, rpc=checked, intents=Nothing(), entities=Nothing())
        )
