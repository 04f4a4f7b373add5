"""What the handler of a Python bot is given: one message, and what to answer and remember."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

from maxbot.bot.fetching import Fetch
from maxbot.bot.markup import stored
from maxbot.bot.read.places import shown_path
from maxbot.bot.received import ReceivedMessage
from maxbot.bot.replies import Reply
from maxbot.bot.stream import Stream
from maxbot.bot.values import json_copy
from maxbot.channels.media import SIZE_LIMIT, TIME_LIMIT, Bounds, Media
from maxbot.commands import check
from maxbot.dialog.scenario import is_plain
from maxbot.dialog.timers import TurnTimers, unchecked
from maxbot.dialog.turn import TurnOutput
from maxbot.dialog.visited import Visited
from maxbot.errors import CannotFetch, TurnError
from maxbot.meanwhile import current
from maxbot.types import Command, Dialog, Message, State, TimerChanges

HandOn: TypeAlias = Callable[[Message, State], Awaitable[TurnOutput]]
"""Lets the dialog of a YAML file answer a message."""


class Turn:
    """One message, or one request, on its way through the handler of a bot.

    What is said and remembered counts when the handler returns; if it raises, nothing of it does. `send_now` and
    `stream` say something before that.
    """

    def __init__(
        self,
        message: Message,
        dialog: Dialog,
        state: State,
        hand_on: HandOn | None = None,
        fetch: Fetch | None = None,
        *,
        request: dict[str, Any] | None = None,
        timers: TurnTimers | None = None,
    ) -> None:
        self.message = cast(ReceivedMessage, message)
        """What the user said: `{"text": "hello"}` or `{"image": {"url": ..., "caption": ...}}`; `{}` in a request."""
        self.request = request
        """What a timer or another program asks for, `{"method": ..., "params": {...}}`; None at a message."""
        self.dialog = dialog
        """Who said it, and on which channel."""
        self.state = state
        """What the bot remembers of this dialog; change it as you like, with JSON values only.

        A bot that also has a dialog in YAML finds its variables in `state["user"]` and `state["slots"]`.
        """
        self.visited: Visited | None = None
        """What happened in the dialog in YAML, once the message was handed on to it."""
        self._hand_on = hand_on
        self._fetch = fetch
        self._timers = timers or TurnTimers(unchecked)
        self._commands: list[Command] | None = []
        self._said: list[dict[str, Any]] = []
        self._meanwhile = current.get()
        self._early: list[Command] = []
        self._stream: Stream | None = None

    @property
    def early(self) -> Sequence[Command]:
        """The replies that `send_now` and `stream` have sent."""
        return self._early

    @property
    def channel_name(self) -> str:
        """The channel, as templates name it in `dialog.channel_name`."""
        return self.dialog.channel

    @property
    def user_id(self) -> str:
        """The user, as templates name them in `dialog.user_id`."""
        return self.dialog.user

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the request, as templates name them; `{}` at a message."""
        return self.request["params"] if self.request else {}

    @property
    def timers(self) -> TimerChanges:
        """What `later` and `cancel_later` were asked for."""
        return self._timers.changes

    def say(self, text: str, *, resend: bool = True) -> None:
        """Reply with a text of at least one character.

        Args:
            text: As the user shall read it.
            resend: Whether to send it again where nobody knows if it arrived (no: one-time codes).

        Raises:
            TurnError: It is not such a text, or the turn is over.
        """
        self.add({"text": text}, resend=resend)

    def add(self, content: Reply, *, resend: bool = True) -> None:
        """Reply with any kind that maxbot knows.

        Args:
            content: `{"text": ...}`, `{"image": {"url": ..., "caption": ...}}` or another kind of `maxbot.commands`.
            resend: As in `say`.

        Raises:
            TurnError: The content is none of these, or the turn is over; the text names what is wrong.
        """
        self._add(content, resend)

    def add_own(self, content: dict[str, Any], *, resend: bool = True) -> None:
        """Reply with a kind of your own, for channels of your own: JSON values. Otherwise like `add`."""
        self._add(content, resend)

    async def fetch(
        self, file: Mapping[str, Any], *, size_limit: int = SIZE_LIMIT, time_limit: float = TIME_LIMIT
    ) -> Media:
        """Fetch what the user sent: `await turn.fetch(turn.message["image"])`. Nothing is fetched by itself.

        Args:
            file: As it stands in the message, with its `file_id` or `url`.
            size_limit: Bytes.
            time_limit: Seconds, for all of it.

        Returns:
            Its `body`, its `name`, and its `mime_type` by its first bytes.

        Raises:
            CannotFetch: It cannot be had: it is gone, too large, too slow, or at an address that may not be asked.
            TurnError: This is no file.
        """
        if not isinstance(file, Mapping) or not ("file_id" in file or "url" in file):
            raise TurnError('a file is what stands in a message: await turn.fetch(turn.message["image"])')
        if self._fetch is None:
            raise CannotFetch("there is no channel here to fetch it from")
        return await self._fetch(file, Bounds(size_limit, time_limit))

    def send_now(self, content: Reply | str, *, resend: bool = True) -> Awaitable[None]:
        """Reply before the handler ends. It leaves behind all that was sent so, and before what `say` and `add` add.

        When a turn is run again after a crash, its n-th early reply takes the place of the n-th of the run before: what
        was stored then is not sent again. What the turn remembers is stored at its end only.

        Args:
            content: A text, or what `add` takes.
            resend: As in `say`.

        Returns:
            Done when the reply is stored; need not be awaited.

        Raises:
            TurnError: As `add`; or, when awaited, the turn is not this worker's any more, and must end.
        """
        self._open()
        if self._stream is not None and self._stream.is_open:
            raise TurnError("a reply is being streamed: nothing can be sent before that ends")
        command = _checked_command({"text": content} if isinstance(content, str) else content, resend)
        stored = self._meanwhile.say(command)
        self._early.append(command)
        return stored

    def stream(self, *, resend: bool = True) -> Stream:
        """Reply with a text that is written piece by piece, as an early reply.

            async with turn.stream() as reply:
                async for piece in model.answer(...):
                    await reply.write(piece)

        Where the platform can show it, the user sees the text grow; elsewhere it arrives when the body ends. If that
        raises, the text is not sent, nor is one that is blank.

        Args:
            resend: As in `say`.

        Raises:
            TurnError: Another one is not ended, or the turn is over.
        """
        self._open()
        if self._stream is not None and self._stream.is_open:
            raise TurnError("one reply is streamed at a time: the one before is not ended")
        self._stream = Stream(self._meanwhile.show, lambda text: self.send_now(text, resend=resend))
        return self._stream

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show the user within the body that an answer is under way, where the platform can.

        After a second of a turn that happens by itself.
        """
        with self._meanwhile.typing():
            yield

    async def superseded(self) -> bool:
        """Whether the user has written again since this message: a long answer may be cut short.

        Order is kept whatever the handler does: the next message has its turn when this one has ended. What another
        worker accepts is known here within a second.
        """
        return await self._meanwhile.superseded()

    def later(self, seconds: float, name: str, params: dict[str, Any] | None = None) -> str:
        """Set a timer: later on the bot gets the request `{"method": name, "params": params}` of this dialog.

        It is stored with the turn, survives restarts, and comes once, in order with the user's messages.

        Args:
            seconds: From the end of this turn, up to a year.
            name: Of a method of the bot: one of `@bot.rpc`, or of its section `rpc`.
            params: JSON values.

        Returns:
            What it can be cancelled by, beside its name.

        Raises:
            TurnError: One of them cannot be used, the bot would refuse the request, or the turn is over.
        """
        self._open()
        return self._timers.set(seconds, name, params)

    def cancel_later(self, which: str) -> None:
        """Cancel timers of this dialog that wait: all of a name, or the one of an id; none is no error.

        One that is due already and waits for its turn comes all the same.

        Raises:
            TurnError: It is no text, or the turn is over.
        """
        self._open()
        self._timers.cancel(which)

    async def hand_on(self) -> list[dict[str, Any]]:
        """Let the dialog in YAML answer the message, as `message` and `state` are now, and remember what it remembers.

        Returns:
            Its replies, which have been added to those of the turn.

        Raises:
            TurnError: It failed, or there is none.
        """
        if self._hand_on is None:
            raise TurnError("this bot has no dialog to hand a message on to: it is read from no YAML file")
        output = await self._hand_on(cast(Message, self.message), self.state)
        commands = self._open()
        self.state.clear()
        self.state.update(output.state)
        self.visited = output.visited
        self._timers.add(output.timers)
        replies = list(output.commands)
        commands += stored(replies)
        self._said += replies
        return replies

    def finish(self) -> list[Command]:
        """Return the commands that are sent at the end; from now on there can be no more."""
        commands, self._commands = self._commands or [], None
        if self.visited is not None:
            self.visited.commands[:] = [*(command.content for command in self._early), *self._said]
        return commands

    def _add(self, content: Any, resend: bool) -> None:
        commands = self._open()
        command = _checked_command(content, resend)
        commands.append(command)
        self._said.append(command.content)

    def _open(self) -> list[Command]:
        if self._commands is None:
            raise TurnError("the turn is over: a reply was added after the handler returned")
        return self._commands


def _caller() -> str:
    """Return where the bot's code calls `add`, `add_own` or `send_now`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return f"{shown_path(frame.f_code.co_filename)}:{frame.f_lineno}"


def _checked_command(content: Any, resend: Any) -> Command:
    checked = checked_content(content)
    if not isinstance(resend, bool):
        raise TurnError(f"resend is True or False, not {resend!r}")
    return Command(checked, resend=resend, place="" if is_plain(checked) else _caller())


def checked_content(content: Any) -> dict[str, Any]:
    """Return a copy of a command's content.

    Raises:
        TurnError: No channel could send it; the text names what is wrong.
    """
    if not isinstance(content, dict) or not content:
        raise TurnError(f'a reply is a dict like {{"text": "hello"}}, not {content!r}')
    if "resend" in content:
        raise TurnError("resend is not part of the content: turn.add(content, resend=False)")
    try:
        return check(json_copy(content, "reply"))
    except ValueError as error:
        raise TurnError(str(error)) from error
