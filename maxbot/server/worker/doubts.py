"""On its author's own machine, a bot that starts says what is probably not meant in it."""

import logging
import threading

from maxbot.bot import MaxBot

logger = logging.getLogger(__name__)


def say_doubts(bot: MaxBot) -> None:
    """Log what `maxbot check` warns of, from a thread: it takes a second of a large bot, and nobody waits for it."""
    threading.Thread(target=_say, args=(bot,), name="doubts", daemon=True).start()


def _say(bot: MaxBot) -> None:
    from maxbot.bot.check import doubts

    try:
        for doubt in doubts(bot, of_channels=False):  # those are said at every start, once for all of their places
            logger.warning("Probably not meant: %s", doubt.sentence)
    except Exception:  # an extension that is not made for being looked at
        logger.debug("The bot could not be looked through", exc_info=True)
