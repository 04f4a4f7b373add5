"""A bot that starts says what a channel cannot send and, on its author's own machine, what is probably not meant."""

import logging
import threading
from collections.abc import Iterator

from maxbot.bot import MaxBot

logger = logging.getLogger(__name__)


def say_doubts(bot: MaxBot, *, unsendable: bool, unmeant: bool) -> None:
    """Log what a look through the bot finds, from a thread: it takes a second of a large bot, and nobody waits for it.

    Args:
        bot: Loaded.
        unsendable: Whether to say which replies a channel cannot send.
        unmeant: Whether to say what else `maxbot check` warns of.
    """
    if unsendable or unmeant:
        threading.Thread(target=_say, args=(bot, unsendable, unmeant), name="doubts", daemon=True).start()


def _say(bot: MaxBot, unsendable: bool, unmeant: bool) -> None:
    try:
        for sentence in _found(bot, unsendable, unmeant):
            logger.warning("%s", sentence)
    except Exception:  # an extension that is not made for being looked at
        logger.debug("The bot could not be looked through", exc_info=True)


def _found(bot: MaxBot, unsendable: bool, unmeant: bool) -> Iterator[str]:
    from maxbot.bot.check import doubts
    from maxbot.bot.check.channels import unsendable_replies

    if unsendable:
        yield from unsendable_replies(bot)
    if unmeant:  # but for what channels cannot send: that is said above, once for all of its places
        yield from (f"Probably not meant: {doubt.sentence}" for doubt in doubts(bot, of_channels=False))
