"""What a platform delivers, from its data to the last reply, in a program that has no server of ours."""

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from maxbot.bot.markup import stored
from maxbot.bot.persistence import PersistenceManager, Tracker
from maxbot.bot.tryout import as_mapping
from maxbot.bot.variables import StateVariables
from maxbot.channels.base import Channel, Request
from maxbot.locks import UserLocks
from maxbot.types import Command, Dialog, Update

Replies = list[dict[str, Any]]
Turn = Callable[[StateVariables], Coroutine[Any, Any, Replies]]
"""Runs a turn from what is remembered."""
Keep = Callable[[Tracker, Replies], None]
"""Keeps the history of a turn."""


async def updates_of(channel: Channel, data: Any) -> Sequence[Update]:
    """Return the messages in what a platform has delivered, as JSON values; signatures are the caller's to check."""
    read = getattr(channel, "read", None)  # of a channel that is made of mixins
    if read is not None:
        update = await read(data)
        return [] if update is None else [update]
    return channel.parse(Request(body=json.dumps(data).encode()))


async def run_and_send(
    turn: Turn, keep: Keep | None, dialog: Dialog, channel: Channel, locks: UserLocks, manager: PersistenceManager
) -> None:
    """Run one turn of a dialog and send its replies, under the user's lock; what is remembered is stored at the end.

    Raises:
        TurnError: The bot failed.
        SendError: A reply could not be sent: nothing is stored.
    """
    async with locks(dialog):
        with manager(as_mapping(dialog)) as tracker:
            replies = await turn(tracker.get_state())
            for command in stored(replies):
                for part in channel.expand(command.content):
                    await channel.send(Command(part), dialog)
            if keep is not None:
                keep(tracker, replies)
