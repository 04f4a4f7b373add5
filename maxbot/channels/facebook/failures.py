"""What errors of the Send API mean for a message: …/messenger-platform/error-codes

later, channel    4, 17, 32, 613, 80006   too many calls; for one thread only the dialog waits
later             is_transient
unknown           1, 2, 1200              temporary; 2 also where the user blocked the page
closed            10/2018278, 2534022     the user wrote more than 24 hours ago
closed            551, 200/1545041        the user blocked the page, or left
closed            100/2018001             no such user of this page
misconfigured     102, 190, 10, 200-299   token or permission; 368 the page is blocked for what it did
never             all others              wrong parameter, text too long, URL not fetched
"""

from maxbot.channels.meta import GraphError
from maxbot.errors import DialogClosed, Misconfigured, OutcomeUnknown, RetryLater, SendError, Undeliverable

TOO_MANY = (4, 17, 32, 613, 80006)
TOO_MANY_IN_A_THREAD = (2018022,)
TEMPORARY = (1, 2, 1200)
CLOSED = ((10, 2018278), (10, 2534022), (200, 1545041), (100, 2018001))
LATER = 60.0
"""Seconds, as Meta names none; the outbox's own waits grow, and are shorter at first."""


def judge(error: GraphError, reason: str) -> SendError:
    """Return what an error means."""
    code, subcode = error.code, error.error_subcode
    if code in TOO_MANY:
        return RetryLater(reason, LATER, reach="dialog" if subcode in TOO_MANY_IN_A_THREAD else "channel")
    if code == 551 or subcode == 2534022 or (code, subcode) in CLOSED:
        return DialogClosed(reason)
    if error.is_transient:
        return RetryLater(reason)
    if code in TEMPORARY:
        return OutcomeUnknown(reason)
    if code in (10, 102, 190, 368) or 200 <= code <= 299:
        return Misconfigured(f"Meta refuses this page's calls: {reason}: check access_token and the app's permissions")
    return Undeliverable(reason)
