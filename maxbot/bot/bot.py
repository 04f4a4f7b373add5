"""`MaxBot`: a bot, ready to run turns."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from maxbot.bot.builder import Builder
from maxbot.bot.by_hand import ByHand
from maxbot.bot.calls import call, place_of
from maxbot.bot.channels import BotChannels
from maxbot.bot.fetching import Fetch, fetch_of
from maxbot.bot.handler import HandOn, Turn
from maxbot.bot.hooks import Hook
from maxbot.bot.markup import PLAIN, BotMarkup, stored
from maxbot.bot.messages import checked_message, with_own, without_forbidden
from maxbot.bot.of_yaml import OfYaml
from maxbot.bot.push import Pushes, is_push, pushed
from maxbot.bot.read.channels import make_channel
from maxbot.bot.rpc import RpcHandlers
from maxbot.bot.script import Script
from maxbot.bot.timers import checks_timers
from maxbot.bot.values import json_copy
from maxbot.channels.base import Channel
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.rpc import RpcMethods, read_request
from maxbot.dialog.state import after_failure
from maxbot.dialog.timers import TurnTimers
from maxbot.dialog.turn import TurnOutput
from maxbot.errors import BotError, TurnError, UsageError
from maxbot.locks import UserLocks
from maxbot.meanwhile import Alone, current
from maxbot.types import Dialog, Message, State, TurnResult

if TYPE_CHECKING:
    pass

Handler: TypeAlias = Callable[[Turn], Awaitable[None]]
"""What a Python bot does at a message."""

HandlerType = TypeVar("HandlerType", bound=Handler)


class MaxBot(OfYaml, ByHand, Pushes):
    """A bot: what it answers, and the channels it is on.

    Args:
        channels: Objects of built-in or own channels.
        user_locks: Called without arguments in each worker, returns what replaces the built-in user locks.

    Raises:
        BotError: Two channels have one name, or a name that cannot be used.
    """

    def __init__(self, channels: Sequence[Channel] = (), user_locks: Callable[[], UserLocks] | None = None) -> None:
        self.channels = BotChannels(channels)
        self.make_user_locks = user_locks
        """Called in each worker; None: the server chooses."""
        self.files: list[Path] = []
        """What the bot was read from; a change of one of them makes it another bot."""
        self.definition: BotDefinition | None = None
        """What its author wrote in YAML, for `maxbot check`."""
        self.made_with: Builder | None = None
        """What extensions added to the language of this bot."""
        self.rpc = RpcHandlers()
        """The methods in Python: `@bot.rpc("remind")` decorates the function that runs the turn of such a request."""
        self._script: Script | None = None
        self._handler: Handler | None = None
        self._own_messages: dict[str, Callable[[Any], Any]] = {}

    @classmethod
    def _built(cls, builder: Builder, definition: BotDefinition) -> "MaxBot":
        locks = builder.user_locks
        channels = [*(make_channel(one, builder.channel_types) for one in definition.channels), *builder.channels]
        bot = cls(channels, None if locks is None else lambda: locks)
        bot.definition, bot.made_with, bot.files = definition, builder, builder.source.watched
        bot._script = Script(definition, builder)
        bot.persistence_manager = builder.persistence_manager
        bot.tracks_history = builder.tracks_history
        bot._script.check_timer = checks_timers(bot.check_own_request)
        bot._own_messages = {name: schema.value for name, schema in builder.messages.items()}
        if hasattr(builder.own_nlu, "load_resources"):
            builder.own_nlu.load_resources(builder.resources)
        return bot

    def handler(self, function: HandlerType) -> HandlerType:
        """Decorate the `async def` function that answers each message.

        In a bot that also has a dialog in YAML it goes before that, and may hand messages on: `await turn.hand_on()`.

        Raises:
            BotError: It is no such function, or the bot has a handler already.
        """
        answer: Handler = function
        if not inspect.iscoroutinefunction(answer):
            raise BotError("a handler is an async function: async def handle(turn)", **place_of(function))
        if self._handler is not None:
            raise BotError("the bot has a handler already", **place_of(function))
        self._handler = answer
        return function

    @property
    def answers(self) -> bool:
        """Whether there is a dialog or a handler."""
        return self._script is not None or self._handler is not None

    @property
    def resources(self) -> Any:
        """What the bot was read from; None for one in Python alone."""
        return None if self.made_with is None else self.made_with.resources

    @property
    def unused(self) -> list[str]:
        """Sentences about what its author has set, and the server does not use."""
        return [] if self.made_with is None else self.made_with.unused

    @property
    def markup(self) -> BotMarkup:
        """What reads the replies of this bot, and prints them for people."""
        return PLAIN if self.made_with is None else self.made_with.markup

    @property
    def has_requests(self) -> bool:
        """Whether other programs may ask the bot for something: it has methods in `rpc`."""
        return self.rpc.public or (self._script is not None and bool(self._script.rpc))

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never reach a log."""
        return tuple(secret for channel in self.channels.values() for secret in channel.secrets)

    async def run_turn(
        self,
        message: Message,
        dialog: Dialog,
        state: State,
        utc_time: datetime | None = None,
        *,
        fetch: Fetch | None = None,
    ) -> TurnResult:
        """Run one message through the bot. Stores and sends nothing, and changes none of its arguments.

        Args:
            message: What the user said.
            dialog: Who said it, and on which channel.
            state: What the bot remembers of this dialog; `{}` at the first message.
            utc_time: When; None is now.
            fetch: Fetches files that users sent; None asks the channel, which must have been started.

        Returns:
            The replies, and the state from now on.

        Raises:
            TurnError: The bot failed; the text has file and line of its own code, the cause has the traceback. The
                state to store instead is that of `after_failure`.
        """
        when = utc_time or datetime.now(UTC)
        if self._handler is not None:
            return await self._run_handler(self._handler, dialog, state, when, message=message, fetch=fetch)
        if self._script is None:
            raise TurnError("the bot has no handler: decorate an async function with @bot.handler")
        return _turn(await self._answer(self._script, message, dialog, _mapping(state), when))

    async def _answer(
        self, script: Script, message: Message, dialog: Dialog, state: State, utc_time: datetime
    ) -> TurnOutput:
        said = _checked(without_forbidden(message), "message")  # a bot that repeats what was said must not fail
        return await script.answer(with_own(said, self._own_messages), dialog, state, utc_time)

    async def _run_handler(
        self,
        handler: Handler,
        dialog: Dialog,
        state: State,
        utc_time: datetime,
        *,
        message: Message,
        request: dict[str, Any] | None = None,
        fetch: Fetch | None = None,
    ) -> TurnResult:
        script = self._script
        hand_on: HandOn | None = None
        if script is not None and request is not None:
            hand_on = lambda said, remembered: script.request(request, dialog, remembered, utc_time)  # noqa: E731
        elif script is not None:
            hand_on = lambda said, remembered: self._answer(script, said, dialog, remembered, utc_time)  # noqa: E731
        fetch = fetch or fetch_of(self.channels.get(dialog.channel))
        timers = TurnTimers(checks_timers(self.check_own_request))
        said, known = _checked(message, "message"), _checked(state, "state")
        turn = Turn(said, dialog, known, hand_on, fetch, request=request, timers=timers)
        try:
            await call(handler, turn)
        finally:
            commands = turn.finish()
        try:
            stored = _checked_state(turn.state)
        except TurnError as error:
            place = place_of(handler)
            raise TurnError(f"{place['file']}:{place['line']}: {error}" if place else str(error)) from error
        if isinstance(current.get(), Alone):
            return TurnResult([*turn.early, *commands], stored, visited=turn.visited, timers=turn.timers)
        return TurnResult(commands, stored, visited=turn.visited, early=turn.early, timers=turn.timers)

    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run a request of another program through the bot, as `run_turn` does with a message.

        Args:
            request: `{"method": ..., "params": {...}}`.
            dialog: Whom the bot shall speak to.
            state: What the bot remembers of this dialog.
            utc_time: When; None is now.

        Raises:
            RpcError: The request is refused; there was no turn.
            TurnError: As in `run_turn`.
        """
        if is_push(request):
            return pushed(request, state)
        asked, when = read_request(request), utc_time or datetime.now(UTC)
        if handler := self.rpc.get(asked.method):
            own = _checked({"method": asked.method, "params": asked.params}, "request")
            return await self._run_handler(handler, dialog, state, when, message={}, request=own)
        script = self._script or Script(BotDefinition(), Builder())
        return _turn(await script.request(without_forbidden(request), dialog, _mapping(state), when))

    def check_request(self, request: Any) -> None:
        """Say what is wrong with a request of another program before it is accepted.

        Raises:
            RpcError: It is refused.
        """
        if not self.rpc.serves(read_request(request).method):
            self._declared.check(request)

    def check_own_request(self, request: Any) -> None:
        """Say what is wrong with a request that a timer will make.

        Raises:
            RpcError: It is refused.
        """
        if self.rpc.get(read_request(request).method) is None:
            self._declared.check(request)

    @property
    def _declared(self) -> RpcMethods:
        return RpcMethods(()) if self._script is None else self._script.rpc

    def after_failure(self, state: State) -> tuple[State, bool]:
        """Return what to store of a dialog whose turn has failed, and whether that takes it out of its place.

        The state of a Python bot is its own affair and stays as it is.
        """
        return after_failure(state) if self._script is not None else (state, False)

    def as_said(self, message: Any) -> Any:
        """Return what a user says as a message.

        Raises:
            TurnError: It is none.
        """
        said = {"text": message} if isinstance(message, str) else message
        if self._script is None:
            return said
        return checked_message(said, dict.fromkeys(self._own_messages, lambda value: value))

    def tell(self, journal: Hook) -> None:
        """Let a function know of each turn of the dialog."""
        if self._script is None:
            raise UsageError("a bot without a dialog in YAML tells no journal of its turns: write one in the handler")
        self._script.tell(journal)


def _turn(output: TurnOutput) -> TurnResult:
    commands = stored(output.commands)
    return TurnResult(commands, output.state, output.listening, output.visited, timers=output.timers)


def _mapping(value: Any, name: str = "state") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TurnError(f"{name} is a dict, not {type(value).__name__}")
    return value


def _checked(value: Any, name: str) -> Any:
    _mapping(value, name)
    try:
        return json_copy(value, name)
    except ValueError as error:
        raise TurnError(str(error)) from error


def _checked_state(state: State) -> State:
    checked: State = _checked(state, "state")
    return checked
