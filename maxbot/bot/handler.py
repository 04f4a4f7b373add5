"""What the handler of a Python bot is given: one message, and what to answer and remember."""

from typing import Any

from maxbot.bot.values import json_copy
from maxbot.commands import check
from maxbot.errors import TurnError
from maxbot.types import Command, Dialog, Message, State


class BotTurn:
    """One message on its way through the handler of a bot.

    What is said and remembered counts when the handler returns; if it raises, nothing of it does.
    """

    def __init__(self, message: Message, dialog: Dialog, state: State) -> None:
        self.message = message
        """What the user said: `{"text": "hello"}` or `{"image": {"url": ..., "caption": ...}}`."""
        self.dialog = dialog
        """Who said it, and on which channel."""
        self.state = state
        """What the bot remembers of this dialog; change it as you like, with JSON values only."""
        self._commands: list[Command] | None = []

    def say(self, text: str, *, resend: bool = True) -> None:
        """Reply with a text of at least one character.

        Args:
            text: As the user shall read it.
            resend: Whether to send it again where nobody knows if it arrived (no: one-time codes).

        Raises:
            TurnError: It is not such a text, or the turn is over.
        """
        self.add({"text": text}, resend=resend)

    def add(self, content: dict[str, Any], *, resend: bool = True) -> None:
        """Reply with any content.

        Args:
            content: `{"text": ...}`, `{"image": {"url": ..., "caption": ...}}` or another kind of `maxbot.commands`,
                or what else a channel of your own can send; JSON values only.
            resend: As in `say`.

        Raises:
            TurnError: The content is none of these, or the turn is over; the text names what is wrong.
        """
        if self._commands is None:
            raise TurnError("the turn is over: a reply was added after the handler returned")
        checked = checked_content(content)
        if not isinstance(resend, bool):
            raise TurnError(f"resend is True or False, not {resend!r}")
        self._commands.append(Command(checked, resend=resend))

    def finish(self) -> list[Command]:
        """Return the commands; from now on there can be no more."""
        commands, self._commands = self._commands or [], None
        return commands


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
