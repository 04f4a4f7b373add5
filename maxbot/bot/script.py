"""The dialog of a YAML bot, ready to run turns: what was said is checked and recognised, hooks and the engine run."""

from datetime import datetime
from typing import Any

from maxbot.bot.builder import Builder
from maxbot.bot.markup import read_commands
from maxbot.bot.recognition import NoRecognition, Recognition
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.engine import Engine
from maxbot.dialog.rpc import RpcMethods
from maxbot.dialog.tree import Tree
from maxbot.dialog.turn import TurnInput, TurnOutput
from maxbot.types import Dialog, Message, State

RECOGNISED = frozenset({"intents", "entities"})
"""The names that what was recognised has in templates."""


class Script:
    """What a YAML bot answers.

    Args:
        definition: What its author wrote.
        builder: With what extensions and the author have added.

    Raises:
        BotError: A condition or template is wrong; has file and line.
    """

    def __init__(self, definition: BotDefinition, builder: Builder) -> None:
        templates = builder.templates
        self.rpc = RpcMethods(definition.rpc)
        # Another recogniser says itself which names are none, so that each has to be looked up there.
        names = () if builder.nlu else {intent.name for intent in definition.intents}
        tree = Tree(definition.dialog, definition.subtrees, templates, read_commands, names)
        # A template that others load may ask for anything.
        needed = RECOGNISED & templates.names or templates.environment.loader
        self._recognition = Recognition(definition, builder.nlu, builder.language) if needed else NoRecognition()
        self._engine = Engine(tree, templates, self._recognition.keep)

    async def answer(self, message: Message, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a message.

        Raises:
            TurnError: It failed; the text has file and line.
        """
        intents, entities = await self._recognition.recognise(message, utc_time)
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
        intents, entities = self._recognition.nothing
        return await self._engine.run(
            TurnInput(dialog=dialog, state=state, utc_time=utc_time, rpc=checked, intents=intents, entities=entities)
        )
