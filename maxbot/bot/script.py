"""The dialog of a YAML bot, ready to run turns: what was said is checked and recognised, hooks and the engine run."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec

from maxbot.bot.builder import Builder
from maxbot.bot.hooks import Hook
from maxbot.bot.middleware import Method, Replies, around
from maxbot.bot.recognition import NoRecognition, Recognition
from maxbot.bot.timers import checks_timers
from maxbot.bot.values import json_copy
from maxbot.bot.variables import StateVariables
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.engine import Engine
from maxbot.dialog.rpc import RpcMethods
from maxbot.dialog.timers import Check
from maxbot.dialog.tree import Tree
from maxbot.dialog.turn import TurnInput, TurnOutput
from maxbot.dialog.visited import Visited
from maxbot.errors import TurnError
from maxbot.types import Dialog, Message, State, TimerChanges

RECOGNISED = frozenset({"intents", "entities"})
"""The names that what was recognised has in templates."""

Run: TypeAlias = Callable[[Any, Dialog, State, datetime], Awaitable[TurnOutput]]
"""Runs the turn of a message or of a request."""


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
        known = ((), ()) if builder.own_nlu else _known(definition, templates.names)
        tree = Tree(definition.dialog, definition.subtrees, templates, builder.markup.read_commands, *known)
        # A template that others load may ask for anything, and so may code.
        needed = RECOGNISED & templates.names or templates.environment.loader or builder.hooks or builder.middleware
        self._recogniser = partial(Recognition, definition, builder.own_nlu, builder.language, builder.built_in_nlu)
        self._recognition = self._recogniser() if needed else NoRecognition()
        self._engine = Engine(tree, templates, self._recognition.keep)
        self.check_timer: Check = checks_timers(self.rpc.check)
        self._hooks = builder.hooks
        self._middleware = builder.middleware

    def tell(self, journal: Hook) -> None:
        """Let a function know of each turn, and of what was recognised."""
        self._hooks.journal = journal
        if not isinstance(self._recognition, Recognition):
            self._recognition = self._recogniser()

    async def answer(self, message: Message, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a message.

        Raises:
            TurnError: It failed; the text has file and line.
        """
        return await self._around("process_message", self._message, message, dialog, state, utc_time)

    async def request(self, request: Any, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a request.

        Raises:
            RpcError: The request is refused.
            TurnError: It failed; the text has file and line.
        """
        checked = self.rpc.check(request)
        if not self._middleware:
            return await self._run(dialog, state, utc_time, self._recognition.nothing, rpc=checked)
        given = msgspec.structs.asdict(checked)
        return await self._around("process_rpc", self._request, given, dialog, state, utc_time)

    async def _message(self, message: Message, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        recognised = await self._recognition.recognise(message, utc_time)
        return await self._run(dialog, state, utc_time, recognised, message=message)

    async def _request(self, request: Any, dialog: Dialog, state: State, utc_time: datetime) -> TurnOutput:
        """Run the turn of a request that a middleware may have changed."""
        return await self._run(dialog, state, utc_time, self._recognition.nothing, rpc=self.rpc.check(request))

    async def _run(
        self, dialog: Dialog, state: State, utc_time: datetime, recognised: tuple[Any, Any], **said: Any
    ) -> TurnOutput:
        """Run the turn of a `message` or of an `rpc`."""
        intents, entities = recognised
        turn = TurnInput(
            dialog=dialog,
            state=state,
            utc_time=utc_time,
            intents=intents,
            entities=entities,
            check_timer=self.check_timer,
            **said,
        )
        return await self._engine.run(turn, self._hooks.of_a_turn())

    async def _around(
        self, method: Method, run: Run, given: Any, dialog: Dialog, state: State, utc_time: datetime
    ) -> TurnOutput:
        """Run a turn with the author's middleware around it."""
        if not self._middleware:
            return await run(given, dialog, state, utc_time)
        outputs: list[TurnOutput] = []

        async def innermost(given: Any, dialog: dict[str, str], variables: StateVariables) -> Replies:
            who = Dialog(dialog["channel_name"], dialog["user_id"])
            outputs.append(output := await run(given, who, variables.store(), utc_time))
            variables.replace(output.state)
            return list(output.commands)

        variables = StateVariables.load(state)
        who = {"channel_name": dialog.channel, "user_id": dialog.user}
        replies = await around(innermost, self._middleware, method)(given, who, variables)
        return _output(outputs, replies, variables)


def _known(definition: BotDefinition, used: Collection[str]) -> tuple[Collection[str], Collection[str]]:
    """Return the names of intents and entities that are no error in a message with a text."""
    intents = {intent.name for intent in definition.intents}
    if "entities" not in used:
        return intents, ()
    # Imported here: bots that ask for no entities do without.
    from maxbot.nlu.entities import BUILT_IN

    return intents, {*BUILT_IN, *(entity.name for entity in definition.entities)}


def _output(outputs: list[TurnOutput], replies: Any, variables: StateVariables) -> TurnOutput:
    try:
        json_copy(replies, "replies")
        state = json_copy(variables.store(), "state")
    except ValueError as error:
        raise TurnError(f"what a middleware left cannot be stored or sent: {error}") from error
    visited = outputs[-1].visited if outputs else Visited()
    visited.commands[:] = replies
    listening = bool(outputs) and outputs[-1].listening
    timers = outputs[-1].timers if outputs else TimerChanges()
    return TurnOutput(commands=visited.commands, state=state, listening=listening, visited=visited, timers=timers)
