"""What errors of the Cloud API mean for a message: …/whatsapp/support/error-codes

later, channel    4, 80007, 130429, 133016        too many calls or messages
later, an hour    131048, 131064                  held back as spam, or over the day's limit
later, dialog     131056                          too many to this user
later             1, 2, 131000, 131016, 131057, 135000, 131052, 131053   temporary; the last two: a file, a few times
closed            131047                          the user wrote more than 24 hours ago
misconfigured     0, 3, 10, 190, 200-299, 368, 130497, 131005, 131031, 131037, 131042, 131045
never             all others: parameters, templates, a user without WhatsApp, marketing held back
"""

from maxbot.channels.meta import GraphError
from maxbot.errors import DialogClosed, Misconfigured, RetryLater, SendError, Undeliverable

TOO_MANY = (4, 80007, 130429, 133016)
HELD_BACK = (131048, 131064)
TOO_MANY_TO_USER = 131056
TEMPORARY = (1, 2, 131000, 131016, 131057, 135000)
FILES = (131052, 131053)
WINDOW_CLOSED = 131047
OPERATOR = (0, 3, 10, 190, 368, 130497, 131005, 131031, 131037, 131042, 131045)

PAUSE = 60.0
"""Seconds, as Meta names none."""

LONG_PAUSE = 3600.0

USER_PAUSE = 6.0
"""Seconds: one message in six is what a user gets for ever."""


def judge(error: GraphError, reason: str) -> SendError:
    """Return what an error means."""
    code = error.code
    if code in TOO_MANY:
        return RetryLater(reason, PAUSE, reach="channel")
    if code in HELD_BACK:
        return RetryLater(f"{reason}: see the account's quality in WhatsApp Manager", LONG_PAUSE, reach="channel")
    if code == TOO_MANY_TO_USER:
        return RetryLater(reason, USER_PAUSE)
    if code in TEMPORARY or code in FILES or (error.is_transient and code not in OPERATOR):
        return RetryLater(reason)
    if code == WINDOW_CLOSED:
        return DialogClosed(reason)
    if code in OPERATOR or 200 <= code <= 299:
        return Misconfigured(f"Meta refuses this number's calls: {reason}: see WhatsApp Manager and access_token")
    return Undeliverable(reason)


class Attempts:
    """Counts what may be tried again a few times only: a file that is not there will not be there tomorrow.

    Args:
        most: How often a command is tried.
    """

    KEPT = 1000
    """Commands that are remembered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._failed: dict[str, int] = {}

    def last(self, key: str) -> bool:
        """Note that an attempt failed, and return whether it was the last."""
        count = self._failed.pop(key, 0) + 1
        if count >= self._most:
            return True
        self._failed[key] = count
        if len(self._failed) > self.KEPT:
            del self._failed[next(iter(self._failed))]
        return False
