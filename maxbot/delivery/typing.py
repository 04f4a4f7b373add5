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


class Typing:
    """Shows that an answer is under way, from a while after it is made until it is stopped. Made in the event loop.

    Args:
        channel: Of the dialog. Nothing happens where it cannot show it, or where there is none.
        dialog: Whose turn it is.
        address: Where to answer to.
        after: Seconds after which it is shown.
    """

    def __init__(self, channel: Channel | None, dialog: Dialog, address: Address | None, after: float = AFTER) -> None:
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        if channel is not None and type(channel).typing is not Channel.typing:
            self._shows = channel, dialog, address
            self._alarm = asyncio.get_running_loop().call_later(after, self._show)

    def stop(self) -> None:
        """The answer is there, or none will come."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._task is not None:
            self._task.cancel()

    def _show(self) -> None:
        self._task = asyncio.create_task(_keep_showing(*self._shows))


@contextmanager
def typing(channel: Channel | None, dialog: Dialog, address: Address | None) -> Iterator[None]:
    """Show that an answer is under way, within the body, from its begin; see `Typing`."""
    shown = Typing(channel, dialog, address, after=0.0)
    try:
        yield
    finally:
        shown.stop()


async def _keep_showing(channel: Channel, dialog: Dialog, address: Address | None) -> None:
    try:
        while True:
            await channel.typing(dialog, address)
            await asyncio.sleep(EVERY)
    except Exception as error:
        logger.debug("Channel %s could not show %s that an answer is under way: %s", dialog.channel, dialog, error)
