"""The log of what happens to messages: what is worth a line, and how often."""

import logging
import time

from maxbot.events import (
    ChannelFailed,
    CommandPostponed,
    CommandRepeated,
    CommandSetAside,
    DatabaseUnavailable,
    DialogElsewhere,
    DialogLeft,
    DialogMoved,
    Event,
    SessionEnded,
    TurnOutlives,
    TurnStale,
    UpdateSetAside,
)

logger = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds between two lines about a database that does not answer, however many dialogs wait for it."""

SILENCE_AT_DAMAGE = 600.0
"""Seconds between two lines about the same damage."""


class Log:
    """An observer that writes the log."""

    hears = frozenset(
        {
            ChannelFailed,
            CommandPostponed,
            CommandRepeated,
            CommandSetAside,
            DatabaseUnavailable,
            DialogElsewhere,
            DialogLeft,
            DialogMoved,
            SessionEnded,
            TurnOutlives,
            TurnStale,
            UpdateSetAside,
        }
    )

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case UpdateSetAside(dialog=dialog, update_id=update_id, reason=reason, error=error):
                logger.error("Update %d of %s is set aside: %s", update_id, dialog, reason, exc_info=error)
            case DialogLeft(dialog=dialog):
                logger.warning("Several turns of %s in a row have failed: the dialog starts anew", dialog)
            case TurnStale(dialog=dialog):
                logger.warning("A turn of %s is thrown away: another one was committed meanwhile", dialog)
            case TurnOutlives(dialog=dialog, update_id=update_id, timeout=timeout):
                logger.error(
                    "The turn of update %d of %s goes on after %g seconds: the bot's code catches its cancellation. "
                    "This user is not answered until it ends",
                    update_id,
                    dialog,
                    timeout,
                )
            case CommandPostponed(dialog=dialog, key=key, seconds=seconds, reason=reason):
                logger.warning("Reply %s to %s waits %.1f seconds: %s", key, dialog, seconds, reason)
            case CommandRepeated(dialog=dialog, key=key):
                logger.warning(
                    "Reply %s to %s may be sent a second time: whoever sent it was gone before noting it", key, dialog
                )
            case CommandSetAside(dialog=dialog, key=key, reason=reason):
                logger.error("Reply %s to %s is set aside: %s", key, dialog, reason)
            case DialogMoved(dialog=dialog, to=to):
                logger.info("The user of %s is %s now", dialog, to)
            case ChannelFailed(dialog=dialog, error=error):
                logger.error("Channel %s failed at a reply to %s", dialog.channel, dialog, exc_info=error)
            case DialogElsewhere(dialog=dialog, seconds=seconds):
                logger.debug("%s is another worker's, and is looked at again in %.1f seconds", dialog, seconds)
            case SessionEnded():
                logger.warning(
                    "Others have taken this worker for dead, and do what it had begun: it was paused, or did not reach "
                    "the database, for longer than --lease"
                )
            case DatabaseUnavailable(reason=reason, damaged=True):
                if self._is_news(reason, SILENCE_AT_DAMAGE):
                    logger.error("%s. What needs the damaged part waits; the rest is served", reason)
            case DatabaseUnavailable(reason=reason) if self._is_news("", SILENCE):
                logger.error("The database is not available, and nothing is acknowledged until it is: %s", reason)

    def _is_news(self, what: str, silence: float) -> bool:
        now = time.monotonic()
        if now - self._said.get(what, float("-inf")) <= silence:
            return False
        self._said[what] = now
        return True
