"""Which channels of a bot cannot send a kind of reply."""

from collections.abc import Collection, Iterable

from maxbot.bot.check.check import CannotSend
from maxbot.channels.base import Channel
from maxbot.commands import KINDS, cannot_send


def unable(channels: Iterable[Channel], own: Collection[str]) -> CannotSend:
    """Return what knows the channels that can neither send nor replace a kind of reply.

    Only channels of maxbot are judged: what an author's own one sends is the author's to know.

    Args:
        channels: Of the bot.
        own: The kinds of replies that the bot has declared.
    """
    judged = [channel for channel in channels if _is_ours(channel)]

    def which(kind: str) -> list[str]:
        if kind not in KINDS and kind not in own:
            return []
        return [channel.name for channel in judged if cannot_send(channel.type, channel.abilities.sends, [kind])]

    return which


def _is_ours(channel: Channel) -> bool:
    # Extended by the author's mixins it may send more: its class is then made where those are.
    module = type(channel).__module__
    return module.startswith("maxbot.channels.") and module != "maxbot.channels.mixins"
