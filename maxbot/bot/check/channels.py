"""Which channels of a bot cannot send a kind of reply."""

from collections.abc import Collection, Iterable

from maxbot.bot.bot import MaxBot
from maxbot.bot.check.commands import CannotSend, elements_of, unsendable
from maxbot.bot.check.scenarios import texts_of
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


def unsendable_replies(bot: MaxBot) -> list[str]:
    """Return what to tell at a start of replies that stand in a bot's files and that a channel of it cannot send."""
    if bot.definition is None or bot.made_with is None:
        return []
    cannot_send = unable(bot.channels.values(), bot.made_with.own_commands)
    places: dict[str, list[str]] = {}
    for text in texts_of(bot.definition):
        for element in elements_of(bot.made_with.jinja_env, text) if text.is_template else ():
            if message := unsendable(element, cannot_send):
                error = text.source.error(message, text.source.line(element.line))
                places.setdefault(message, []).append(f"{error.file}:{error.line}")
    return [f"{', '.join(where)}: {message}" for message, where in places.items()]


def _is_ours(channel: Channel) -> bool:
    # Extended by the author's mixins it may send more: its class is then made where those are.
    module = type(channel).__module__
    return module.startswith("maxbot.channels.") and module != "maxbot.channels.mixins"
