"""What a turn said, as the messages of its channel; and a word to the channel where it said nothing."""

import logging
from collections.abc import Mapping, Sequence

import msgspec

from maxbot.channels.base import Channel
from maxbot.types import Command, Dialog

logger = logging.getLogger(__name__)


class Replies:
    """Asks the channels.

    Args:
        channels: By name.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    def expanded(self, dialog: Dialog, commands: Sequence[Command]) -> list[Command]:
        """Return the messages that replies become, in order: each is stored by itself.

        Raises:
            TurnError: One of them would be too many.
        """
        channel = self._channels.get(dialog.channel)
        if channel is None:
            return list(commands)
        return [
            command if content is command.content else msgspec.structs.replace(command, content=content)
            for command in commands
            for content in channel.expand(command.content)
        ]

    async def unanswered(self, dialog: Dialog, update_id: int, failure: str | None) -> None:
        """Let the channel know that a turn ended without a reply.

        Args:
            dialog: Whose turn it was.
            update_id: Of its update.
            failure: How the bot failed; None where it had nothing to say.
        """
        channel = self._channels.get(dialog.channel)
        if channel is None:
            return
        try:
            await channel.unanswered(dialog, str(update_id), failure)
        except Exception as error:  # best effort: the turn is over, whatever comes of this
            logger.debug("Channel %s could not tell %s that nothing is answered: %s", dialog.channel, dialog, error)
