"""What the handler of a Python bot is given: one message, and what to answer and remember."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from maxbot.bot.markup import stored
from maxbot.bot.read.places import shown_path
from maxbot.bot.received import ReceivedMessage
from maxbot.bot.replies import Reply
from maxbot.bot.values import json_copy
from maxbot.channels.media import SIZE_LIMIT, TIME_LIMIT, Bounds, Media
from maxbot.commands import check
from maxbot.dialog.turn import TurnOutput
from maxbot.dialog.visited import Visited
from maxbot.errors import CannotFetch, TurnError
from maxbot.types import Command, Dialog, Message, State

Fetch: TypeAlias = Callable[[Mapping[str, Any], Bounds], Awaitable[Media]]
"""Fetches what a user sent, by what stands of it in a message."""

HandOn: TypeAlias = Callable[[Message, State], Awaitable[TurnOutput]]
"""Lets the dialog of a YAML file answer a message."""


class Turn:
    """One message on its way through the handler of a bot.

    What is said and remembered counts when the handler returns; if it raises, nothing of it does.
    """

    def __init__(
        self,
        message: Message,
        dialog: Dialog,
        state: State,
        hand_on: HandOn | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        self.message = cast(ReceivedMessage, message)
        """What the user said: `{"text": "hello"}` or `{"image": {"url": ..., "caption": ...}}`."""
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
        self._commands: list[Command] | None = []
        self._said: list[dict[str, Any]] = []

    @property
    def channel_name(self) -> str:
        """The channel, as templates name it in `dialog.channel_name`."""
        return self.dialog.channel

    @property
    def user_id(self) -> str:
        """The user, as templates name them in `dialog.user_id`."""
        return self.dialog.user

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
        replies = list(output.commands)
        commands += stored(replies)
        self._said += replies
        return replies

    def finish(self) -> list[Command]:
        """Return the commands; from now on there can be no more."""
        commands, self._commands = self._commands or [], None
        if self.visited is not None:
            self.visited.commands[:] = self._said
        return commands

    def _add(self, content: Any, resend: bool) -> None:
        commands = self._open()
        checked = checked_content(content)
        if not isinstance(resend, bool):
            raise TurnError(f"resend is True or False, not {resend!r}")
        commands.append(Command(checked, resend=resend, place="" if "text" in checked else _caller()))
        self._said.append(checked)

    def _open(self) -> list[Command]:
        if self._commands is None:
            raise TurnError("the turn is over: a reply was added after the handler returned")
        return self._commands


def _caller() -> str:
    """Return where the bot's code calls `add` or `add_own`."""
    frame = sys._getframe(3)
    return f"{shown_path(frame.f_code.co_filename)}:{frame.f_lineno}"


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
