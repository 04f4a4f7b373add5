"""`MaxBot`: a bot, ready to run turns."""

import inspect
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType
from typing import Any, TypeAlias, TypeVar

from maxbot.bot.builder import Builder
from maxbot.bot.handler import BotTurn
from maxbot.bot.markup import content, says_something
from maxbot.bot.messages import checked_message, without_forbidden
from maxbot.bot.read.bot import read_files, read_inline
from maxbot.bot.read.channels import make_channel
from maxbot.bot.read.files import BOT_FILE, BotFiles, find_files
from maxbot.bot.read.places import innermost_place, shown_path
from maxbot.bot.script import Script
from maxbot.bot.tryout import Tryout
from maxbot.bot.values import json_copy
from maxbot.channels.base import Channel
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.rpc import RpcMethods
from maxbot.dialog.state import after_failure
from maxbot.dialog.turn import TurnOutput
from maxbot.errors import BotError, TurnError
from maxbot.locks import UserLocks
from maxbot.types import Command, Dialog, Message, State, Turn

Handler: TypeAlias = Callable[[BotTurn], Awaitable[None]]
"""What a Python bot does at a message."""

HandlerType = TypeVar("HandlerType", bound=Handler)


class MaxBot:
    """A bot: what it answers, and the channels it is on.

    Args:
        channels: Objects of built-in or own channels.
        user_locks: Called without arguments in each worker, returns what replaces the built-in user locks.

    Raises:
        BotError: Two channels have one name, or a name that cannot be used.
    """

    def __init__(self, channels: Sequence[Channel] = (), user_locks: Callable[[], UserLocks] | None = None) -> None:
        self.channels: dict[str, Channel] = _by_name(channels)
        """The channels by name."""
        self.user_locks = user_locks
        self.files: list[Path] = []
        """What the bot was read from; a change of one of them makes it another bot."""
        self.definition: BotDefinition | None = None
        """What its author wrote in YAML, for `maxbot check`."""
        self.made_with: Builder | None = None
        """What extensions added to the language of this bot."""
        self._script: Script | None = None
        self._handler: Handler | None = None
        self._tryout = Tryout(self.after_failure)

    @classmethod
    def inline(cls, source: str, channels: Sequence[Channel] = ()) -> "MaxBot":
        """Make a bot of a YAML text.

        Raises:
            BotError: The text is not a bot; has line and column.
        """
        builder = Builder()
        return cls._from_definition(read_inline(source, builder.apply), builder, channels)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], channels: Sequence[Channel] = ()) -> "MaxBot":
        """Read a bot from a single YAML file, whatever stands beside it.

        Args:
            path: The file.
            channels: Added to those of the file.

        Raises:
            BotError: The file cannot be read or is not a bot; has every mistake with file, line and column.
        """
        return cls._from_files(BotFiles(Path(path)), channels)

    @classmethod
    def from_directory(
        cls, path: str | os.PathLike[str], channels: Sequence[Channel] = (), *, bot_file: str = BOT_FILE
    ) -> "MaxBot":
        """Read a bot from a directory: `bot.yaml`, and the files beside it that belong to a bot.

        Args:
            path: The directory.
            channels: Added to those of the file.
            bot_file: The file in the place of `bot.yaml`.

        Raises:
            BotError: There is no such file, or it is not a bot; has every mistake with file, line and column.
        """
        return cls._from_files(find_files(Path(path), bot_file), channels)

    @classmethod
    def _from_files(cls, files: BotFiles, channels: Iterable[Channel]) -> "MaxBot":
        builder = Builder(files.bot.parent)
        bot = cls._from_definition(read_files(files, builder.apply), builder, channels)
        bot.files = [path.absolute() for path in files.all]
        return bot

    @classmethod
    def _from_definition(cls, definition: BotDefinition, builder: Builder, channels: Iterable[Channel]) -> "MaxBot":
        bot = cls([*map(make_channel, definition.channels), *channels])
        bot.definition, bot.made_with = definition, builder
        bot._script = Script(definition, builder)
        return bot

    def handler(self, function: HandlerType) -> HandlerType:
        """Decorate the `async def` function that answers each message.

        Raises:
            BotError: It is no such function, or the bot has its answers already.
        """
        answer: Handler = function
        if not inspect.iscoroutinefunction(answer):
            raise BotError("a handler is an async function: async def handle(turn)", **_place(function))
        if self.answers:
            raise BotError("the bot has its answers already: it has one handler or one dialog", **_place(function))
        self._handler = answer
        return function

    @property
    def answers(self) -> bool:
        """Whether there is a dialog or a handler."""
        return self._script is not None or self._handler is not None

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never reach a log."""
        return tuple(secret for channel in self.channels.values() for secret in channel.secrets)

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None) -> Turn:
        """Run one message through the bot. Stores and sends nothing, and changes none of its arguments.

        Args:
            message: What the user said.
            dialog: Who said it, and on which channel.
            state: What the bot remembers of this dialog; `{}` at the first message.
            utc_time: When; None is now.

        Returns:
            The replies, and the state from now on.

        Raises:
            TurnError: The bot failed; the text has file and line of its own code, the cause has the traceback. The
                state to store instead is that of `after_failure`.
        """
        if self._script is not None:
            said = _checked(without_forbidden(message), "message")  # a bot that repeats what was said must not fail
            return _turn(await self._script.answer(said, dialog, _mapping(state), utc_time or datetime.now(UTC)))
        if self._handler is None:
            raise TurnError("the bot has no handler: decorate an async function with @bot.handler")
        turn = BotTurn(_checked(message, "message"), dialog, _checked(state, "state"))
        commands = await _handle(self._handler, turn)
        try:
            return Turn(commands, _checked_state(turn.state))
        except TurnError as error:
            place = _place(self._handler)
            raise TurnError(f"{place['file']}:{place['line']}: {error}" if place else str(error)) from error

    async def run_request(self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None) -> Turn:
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
        script = self._script or Script(BotDefinition(), Builder())
        return _turn(await script.request(request, dialog, _mapping(state), utc_time or datetime.now(UTC)))

    def check_request(self, request: Any) -> None:
        """Say what is wrong with a request before it is accepted.

        Raises:
            RpcError: It is refused.
        """
        RpcMethods(()).check(request) if self._script is None else self._script.rpc.check(request)

    def after_failure(self, state: State) -> tuple[State, bool]:
        """Return what to store of a dialog whose turn has failed, and whether that takes it out of its place.

        The state of a Python bot is its own affair and stays as it is.
        """
        return after_failure(state) if self._script is not None else (state, False)

    def process_message(
        self,
        message: Message | str,
        dialog: Dialog | Mapping[str, str] | None = None,
        *,
        utc_time: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Answer one message without a server, for trying a bot out and for its tests.

        Args:
            message: What the user says, a text or a message.
            dialog: Who says it; also as `{"channel_name": ..., "user_id": ...}`. None is always the same user.
            utc_time: When; None is now.

        Returns:
            The contents of the commands. What the bot remembers is kept in this object.

        Raises:
            TurnError: As in `run_turn`; the bot remembers what it did before.
            UsageError: An event loop is running in this thread.
        """
        said = {"text": message} if isinstance(message, str) else message
        if self._script is not None:
            said = checked_message(said)
        return self._tryout.process(lambda who, state: self.run_turn(said, who, state, utc_time), dialog)

    def process_rpc(
        self,
        request: Mapping[str, Any],
        dialog: Dialog | Mapping[str, str] | None = None,
        *,
        utc_time: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Run one request of another program without a server, as `process_message` does with a message.

        Raises:
            RpcError: The request is refused; has code, message and data.
            TurnError: As in `run_turn`; the bot remembers what it did before.
            UsageError: An event loop is running in this thread.
        """
        return self._tryout.process(lambda who, state: self.run_request(request, who, state, utc_time), dialog)


def _turn(output: TurnOutput) -> Turn:
    return Turn(
        [Command(content(command)) for command in output.commands if says_something(command)],
        output.state,
        output.listening,
        output.visited,
    )


async def _handle(handler: Handler, turn: BotTurn) -> list[Command]:
    try:
        await handler(turn)
    except (Exception, SystemExit) as error:  # a bot must not stop the server; cancelling is the server's own
        text = str(error) if isinstance(error, TurnError) else f"{type(error).__name__}: {error}"
        code = _code(handler)
        place = innermost_place(error.__traceback__, code.co_filename) if code else None
        raise TurnError(f"{place.file}:{place.line}: {text}" if place else text) from error
    finally:
        commands = turn.finish()
    return commands


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


def _by_name(channels: Iterable[Channel]) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    for channel in channels:
        if not isinstance(channel, Channel):
            raise BotError(f"channels are objects of classes made from maxbot.Channel, not {channel!r}")
        if not channel.name or ":" in channel.name or "/" in channel.name:
            raise BotError(f"{type(channel).__name__} needs a name without colon and slash, not {channel.name!r}")
        if channel.name in found:
            raise BotError(f"there are two channels with the name {channel.name!r}")
        found[channel.name] = channel
    return found


def _code(function: Any) -> CodeType | None:
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    return code


def _place(function: Any) -> dict[str, Any]:
    code = _code(function)
    return {"file": shown_path(code.co_filename), "line": code.co_firstlineno} if code else {}
