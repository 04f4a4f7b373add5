"""Messages from the bot's side: to a user who did not ask, in order with all that the user says.

A push goes through the inbox as a request that no other program can make: it has a key `push`. Its turn sends what it
holds, and runs nothing of the bot.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from maxbot.bot.channels import BotChannels
from maxbot.bot.handler import checked_content
from maxbot.errors import RpcError, TurnError, Undeliverable, UsageError
from maxbot.types import Address, Command, Dialog, State, TurnResult, Update

INVALID_PARAMS = -32602
WINDOW_CLOSED = -32102

MOST_COMMANDS = 10
"""Replies of one push."""

KEY_LIMIT = 190
"""Characters."""


class Inbox(Protocol):
    """What a push needs of where updates come in."""

    async def accept(self, updates: Sequence[Update]) -> list[bool]:
        """Store updates; for each, return whether it was new."""

    async def knows(self, channel: str, key: str) -> bool:
        """Whether a request with this key was accepted."""

    async def addresses(self, dialog: Dialog) -> Sequence[Address]:
        """Return what the user's messages have brought as address."""

    def now(self) -> float:
        """Return the time (seconds since the epoch)."""


class Pushes:
    """What a bot can say to a user who did not ask."""

    channels: BotChannels
    inbox: Inbox | None = None
    """Set while a server runs the bot."""

    async def push(self, dialog: Dialog, content: str | dict[str, Any], *, key: str | None = None) -> bool:
        """Say something to a user who did not ask. It is stored when this returns, and sent behind what waits.

        Args:
            dialog: Whom: `Dialog("telegram", "12345")`.
            content: A text, a reply as `turn.add` takes it, or `{"commands": [...]}` with several.
            key: Of several pushes to this user with one key, the first counts. A handler may run again after a crash.

        Returns:
            Whether it is new: False where this key was known.

        Raises:
            UsageError: No server runs the bot, or it has no such channel.
            RpcError: It cannot be sent; `data` says what is wrong.
        """
        if self.inbox is None:
            raise UsageError("no server runs this bot, and only a server can push: await bot.push(...) in maxbot run")
        if dialog.channel not in self.channels:
            raise UsageError(f"the bot has no channel {dialog.channel!r}")
        if key is not None and not 0 < len(f"{dialog.user}{key}") <= KEY_LIMIT:
            raise UsageError(f"the key of a push and the user's name have up to {KEY_LIMIT} characters together")
        asked = {"text": content} if isinstance(content, str) else content
        asked = asked if isinstance(asked, dict) and "commands" in asked else {"commands": [asked]}
        request = self.check_push(asked, dialog)
        name = uuid.uuid4().hex if key is None else f"push:{dialog.user}:{key}"
        await self.check_window(request, dialog, name)
        (new,) = await self.inbox.accept([Update(dialog, name, request, is_request=True)])
        return new

    def check_push(self, asked: Any, dialog: Dialog) -> dict[str, Any]:
        """Return what is stored of a push.

        Args:
            asked: `{"text": ...}` or `{"commands": [...]}`, JSON values.
            dialog: For whom it is.

        Raises:
            RpcError: It cannot be sent; has code, message and data.
        """
        if not isinstance(asked, dict) or len(asked) != 1 or not {"text", "commands"} & asked.keys():
            raise _refused({"_schema": ['expected: {"text": ...} or {"commands": [...]}']})
        commands = [asked] if "text" in asked else asked["commands"]
        if not isinstance(commands, list) or not 0 < len(commands) <= MOST_COMMANDS:
            raise _refused({"commands": [f"A list of 1 to {MOST_COMMANDS} replies."]})
        channel = self.channels[dialog.channel]
        checked = []
        for index, content in enumerate(commands):
            try:
                checked.append(checked_content(content))
                for part in channel.expand(checked[-1]):
                    channel.check(part)
            except (TurnError, Undeliverable) as error:
                raise _refused({"commands": {str(index): [str(error)]}}) from error
        return {"method": "push", "params": {"commands": checked}, "push": True}

    async def check_window(self, request: dict[str, Any], dialog: Dialog, key: str) -> None:
        """See whether the platform lets the user be written to now, as far as that is known without asking it.

        Args:
            request: What `check_push` has returned.
            dialog: For whom it is.
            key: Of the request: one that was accepted before is not refused when it comes again.

        Raises:
            RpcError: It does not; `data` says what can be done.
        """
        channel = self.channels[dialog.channel]
        window = channel.window
        if window is None or self.inbox is None:
            return
        closed = {
            str(index): window.advice
            for index, content in enumerate(request["params"]["commands"])
            if not all(window.passes(part) for part in channel.expand(content))
        }
        if not closed:
            return
        ago = window.closed_for(await self.inbox.addresses(dialog), self.inbox.now())
        if ago is None or await self.inbox.knows(dialog.channel, key):
            return
        said = f"The user wrote {ago / 3600:.0f} hours ago, and may be written to for {window.seconds / 3600:.0f}."
        data = {"commands": {index: [f"{said} {advice}"] for index, advice in closed.items()}}
        raise RpcError(WINDOW_CLOSED, "Window closed", data)


def is_push(request: Any) -> bool:
    """Whether a request of the inbox is a push; no other program can make one that looks like it."""
    return isinstance(request, dict) and request.get("push") is True


def pushed(request: dict[str, Any], state: State) -> TurnResult:
    """Return the turn of a push: what it holds is said, and nothing changes."""
    return TurnResult([Command(content) for content in request["params"]["commands"]], state)


def _refused(data: dict[str, Any]) -> RpcError:
    return RpcError(INVALID_PARAMS, "Invalid params", data)
