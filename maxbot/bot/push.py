"""Messages from the bot's side: to a user who did not ask, in order with all that the user says.

A push goes through the inbox as a request that no other program can make: it has a key `push`. Its turn sends what it
holds, and runs nothing of the bot.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from maxbot.bot.channels import BotChannels
from maxbot.bot.handler import checked_content
from maxbot.errors import RpcError, TurnError, UsageError
from maxbot.types import Command, Dialog, State, TurnResult, Update

INVALID_PARAMS = -32602

MOST_COMMANDS = 10
"""Replies of one push."""

KEY_LIMIT = 190
"""Characters."""

Accept: TypeAlias = Callable[[Sequence[Update]], Awaitable[list[bool]]]
"""Stores updates."""


class Pushes:
    """What a bot can say to a user who did not ask."""

    channels: BotChannels
    accept: Accept | None = None
    """Stores updates, while a server runs the bot."""

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
        if self.accept is None:
            raise UsageError("no server runs this bot, and only a server can push: await bot.push(...) in maxbot run")
        if dialog.channel not in self.channels:
            raise UsageError(f"the bot has no channel {dialog.channel!r}")
        if key is not None and not 0 < len(f"{dialog.user}{key}") <= KEY_LIMIT:
            raise UsageError(f"the key of a push and the user's name have up to {KEY_LIMIT} characters together")
        asked = {"text": content} if isinstance(content, str) else content
        asked = asked if isinstance(asked, dict) and "commands" in asked else {"commands": [asked]}
        request = self.check_push(asked, dialog)
        name = uuid.uuid4().hex if key is None else f"push:{dialog.user}:{key}"
        (new,) = await self.accept([Update(dialog, name, request, is_request=True)])
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
                channel.expand(checked[-1])
            except TurnError as error:
                raise _refused({"commands": {str(index): [str(error)]}}) from error
        return {"method": "push", "params": {"commands": checked}, "push": True}


def is_push(request: Any) -> bool:
    """Whether a request of the inbox is a push; no other program can make one that looks like it."""
    return isinstance(request, dict) and request.get("push") is True


def pushed(request: dict[str, Any], state: State) -> TurnResult:
    """Return the turn of a push: what it holds is said, and nothing changes."""
    return TurnResult([Command(content) for content in request["params"]["commands"]], state)


def _refused(data: dict[str, Any]) -> RpcError:
    return RpcError(INVALID_PARAMS, "Invalid params", data)
