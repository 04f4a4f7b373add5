"""Files of replies that a platform must be given: where that fails for good, their links are sent."""

import logging
from collections.abc import Awaitable
from typing import TypeVar

from maxbot.errors import CannotFetch, Misconfigured, OutcomeUnknown, RetryLater, Undeliverable

logger = logging.getLogger(__name__)

Uploaded = TypeVar("Uploaded")


async def or_link(
    step: Awaitable[Uploaded], platform: str, denied: tuple[type[RetryLater], ...] = (Misconfigured,)
) -> Uploaded | None:
    """Return what an upload gave; None where the file is to be sent as a link, which the log says.

    Args:
        step: Fetches the file and uploads it; nobody sees anything of it yet.
        platform: As people call it.
        denied: What means that a token which may write texts may not upload.

    Raises:
        RetryLater: Something did not work now; nothing was sent.
    """
    try:
        return await step
    except OutcomeUnknown as error:  # nobody saw anything of it
        reason, later = error.reason, True
    except denied as error:
        reason, later = error.reason, False
    except (CannotFetch, Undeliverable) as error:
        reason, later = error.reason, False
    if later:
        raise RetryLater(reason)
    logger.warning("A file is sent to %s as a link, as it cannot be uploaded: %s", platform, reason)
    return None
