"""What a turn said, as the messages of its channel; and a word to the channel where it said nothing."""

import logging
from collections.abc import Mapping, Sequence

import msgspec

from maxbot.channels.base import Channel
from maxbot.channels.offered import Offers
from maxbot.delivery.degraded import Degraded
from maxbot.errors import TurnError
from maxbot.types import Command, Dialog

logger = logging.getLogger(__name__)


class Replies:
    """Asks the channels.

    Args:
        channels: By name.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._degraded = Degraded()

    def expanded(
        self, dialog: Dialog, commands: Sequence[Command], offers: Offers | None = None
    ) -> tuple[list[Command], Offers]:
        """Return the messages that replies become, in order: each is stored by itself. And what they offer.

        Args:
            dialog: Whose they are.
            commands: The replies.
            offers: What the same turn has offered before.

        Raises:
            TurnError: One of them would be too many.
        """
        offers = offers or Offers()
        channel = self._channels.get(dialog.channel)
        if channel is None:
            return list(commands), offers
        return [part for command in commands for part in self._parts(channel, command, offers)], offers

    def _parts(self, channel: Channel, command: Command, offers: Offers) -> list[Command]:
        try:
            parts = channel.expand(command.content)
        except TurnError as error:
            raise TurnError(f"{command.place}: {error}" if command.place else str(error)) from None
        offers.note(command.content, parts)
        if len(parts) == 1 and parts[0] is command.content:
            return [command]
        self._degraded.note(channel.name, command, parts)
        if channel.abilities.reply_payload is None:
            for part in parts:
                offers.note_replies(part)
        return [msgspec.structs.replace(command, content=part) for part in parts]

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
