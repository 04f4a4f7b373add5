"""Shows a user that an answer is under way while a turn takes its time. Best effort, and nothing waits for it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from maxbot.channels.base import Channel
from maxbot.types import Address, Dialog

logger = logging.getLogger(__name__)

AFTER = 1.0
"""Seconds of a turn after which it is shown."""

EVERY = 4.0
"""Seconds after which it is shown again. Telegram takes it away after five:
https://core.telegram.org/bots/api#sendchataction"""


@contextmanager
def typing(channel: Channel | None, dialog: Dialog, address: Address | None, after: float = AFTER) -> Iterator[None]:
    """Show that an answer is under way, within the body.

    Args:
        channel: Of the dialog. Nothing happens where it cannot show it, or where there is none.
        dialog: Whose turn it is.
        address: Where to answer to.
        after: Seconds of the body after which it is shown.
    """
    if channel is None or type(channel).typing is Channel.typing:
        yield
        return
    loop = asyncio.get_running_loop()
    shown: list[asyncio.Task[None]] = []
    alarm = loop.call_later(after, lambda: shown.append(loop.create_task(_keep_showing(channel, dialog, address))))
    try:
        yield
    finally:
        alarm.cancel()
        for task in shown:
            task.cancel()


async def _keep_showing(channel: Channel, dialog: Dialog, address: Address | None) -> None:
    try:
        while True:
            await channel.typing(dialog, address)
            await asyncio.sleep(EVERY)
    except Exception as error:
        logger.debug("Channel %s could not show %s that an answer is under way: %s", dialog.channel, dialog, error)
