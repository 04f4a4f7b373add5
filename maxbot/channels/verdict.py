"""What an answer of a platform's API means, where that is the same for all of them."""

from collections.abc import Sequence

from maxbot.errors import OutcomeUnknown, RetryLater, SendError

REASON_LIMIT = 200
"""Characters of a platform's text that are kept of an error."""


def not_theirs(status: int, platform: str) -> SendError:
    """Return what an answer means that is not in the platform's words: only those are its verdict.

    Args:
        status: HTTP's.
        platform: As people call it.
    """
    if status < 300 or status >= 500:
        return OutcomeUnknown(f"HTTP status {status}")
    if status < 400:
        return RetryLater(f"HTTP status {status}, a redirect, which is not followed: check api_url")
    return RetryLater(f"HTTP status {status}, and not from {platform}: something on the way to it answered")


def shown(text: str, secrets: Sequence[str]) -> str:
    """Return a platform's text as it may be shown: it repeats tokens that it does not like."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text[:REASON_LIMIT]
