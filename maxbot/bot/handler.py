"""What the handler of a Python bot is given: one message, and what to answer and remember."""

from typing import Any

from maxbot.bot.values import json_copy
from maxbot.errors import TurnError
from maxbot.types import Command, Dialog, Message, State

KINDS = ("text", "image")
"""The kinds of content that every channel can send."""


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
            content: `{"text": ...}`, `{"image": {"url": ..., "caption": ...}}` (without `caption` if there is none),
                or what else a channel of your own can send; JSON values only.
            resend: As in `say`.

        Raises:
            TurnError: The content is none of these, or the turn is over; the text names what is wrong.
        """
        if self._commands is None:
            raise TurnError("the turn is over: a reply was added after the handler returned")
        command = checked_content(content)
        if not isinstance(resend, bool):
            raise TurnError(f"resend is True or False, not {resend!r}")
        self._commands.append(Command(command, resend=resend))

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
    kind = next((kind for kind in KINDS if kind in content), None)
    if kind and len(content) > 1:
        others = ", ".join(repr(key) for key in content if key != kind)
        raise TurnError(f"a reply with {kind!r} has nothing else beside it; here there is {others}")
    try:
        copy: dict[str, Any] = json_copy(content, "reply")
    except ValueError as error:
        raise TurnError(str(error)) from error
    if kind == "text":
        _check_text(copy["text"], "the text of a reply")
    elif kind == "image":
        _check_image(copy["image"])
    return copy


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise TurnError(f"{name} is a str, not {type(value).__name__}")
    if not value:
        raise TurnError(f"{name} is empty")


def _check_image(image: Any) -> None:
    if not isinstance(image, dict):
        raise TurnError(f'an image is a dict like {{"url": ...}}, not {type(image).__name__}')
    if "url" not in image:
        raise TurnError("an image has a url")
    _check_text(image["url"], "the url of an image")
    if image.get("caption") is not None:
        _check_text(image["caption"], "the caption of an image")
    else:
        image.pop("caption", None)
    if unknown := image.keys() - {"url", "caption"}:
        raise TurnError(f"an image has url and caption, and no {', '.join(sorted(unknown))}")
