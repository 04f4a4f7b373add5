"""A message that the user sees while it is being written, where the platform can show one. Best effort.

It is no reply: that is the finished text, which the outbox sends. Where the platform shows a mere draft, that goes away
by itself. Where it shows a message that is changed time and again, the platform's name for it is stored before it
grows: whoever sends the reply, also after a crash, finishes this message instead of sending another one.
"""

import asyncio
import logging

from maxbot.channels.base import Channel, Growth
from maxbot.delivery.early import EarlyReplies
from maxbot.errors import Misconfigured, RetryLater, StorageError, TurnError, Undeliverable
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.types import Address, Begun, Dialog, begun_key

logger = logging.getLogger(__name__)

LOOK_AGAIN = 0.2
"""Seconds until it is looked again whether what was said before has been sent."""


class GrowingMessage:
    """The message that the next early reply of a turn will finish.

    Args:
        store: Remembers what was begun.
        channel: Shows it.
        growth: How the channel can.
        early: The replies of the turn: what is shown stands behind them.
        dialog: Whose turn it is.
        update_id: Of its update.
        address: Where to answer to.
    """

    def __init__(
        self,
        store: Store,
        channel: Channel,
        growth: Growth,
        early: EarlyReplies,
        dialog: Dialog,
        update_id: int,
        address: Address | None,
    ) -> None:
        self._store = store
        self._channel = channel
        self._growth = growth
        self._early = early
        self._dialog = dialog
        self._update_id = update_id
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._text = self._shown = ""
        self._due = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._showing: asyncio.Task[None] | None = None
        self._is_hopeless = False

    def show(self, text: str) -> None:
        """See `Meanwhile.show`."""
        self._text = text
        self._arrange()

    def finish(self) -> list[asyncio.Task[None]]:
        """What was shown is finished by a reply now: return the call that is under way and goes before it."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        self._text = self._shown = ""
        self._is_hopeless = False
        return [] if self._showing is None else [self._showing]

    def _arrange(self) -> None:
        if self._alarm is None and self._showing is None and self._text.strip() and not self._is_hopeless:
            self._alarm = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._early.is_idle and self._early.is_certain and not self._early.is_known:
            self._showing = self._loop.create_task(self._show(self._text))
        else:
            self._due = self._loop.time() + LOOK_AGAIN
            self._arrange()

    async def _show(self, text: str) -> None:
        pause = self._growth.every
        try:
            shown = self._fitting(text)
            if shown != self._shown:
                await (self._change(shown) if self._growth.lasts else self._draft(shown, None))
                self._shown = shown
        except RetryLater as error:
            self._is_hopeless = isinstance(error, Misconfigured)
            pause = max(pause, error.retry_after or 0.0)
        except Exception as error:
            self._is_hopeless = isinstance(error, Undeliverable | TurnError | StorageError)
            logger.debug(
                "Channel %s could not show %s a part of a reply: %s", self._dialog.channel, self._dialog, error
            )
        finally:
            self._showing = None
            self._due = self._loop.time() + pause
            if text != self._text:
                self._arrange()

    def _fitting(self, text: str) -> str:
        """Return what of a text its first message will have."""
        parts = self._channel.expand({"text": text})
        return str(parts[0].get("text", text)) if parts else ""

    async def _change(self, text: str) -> None:
        known = self._early.said.begun
        if known is None:
            await self._remember({})
        elif not known and not self._growth.finds:  # it may have been begun, and stays beside the one begun now
            await until_stored(self._store.count, "uncertain")
            known = None
        try:
            begun = await self._draft(text, known)
        except (RetryLater, Undeliverable):
            if known is None:
                await self._remember(None)
            raise
        if begun is not None and begun != known:
            await self._remember(begun)

    async def _draft(self, text: str, begun: Begun | None) -> Begun | None:
        key = f"{self._store.mark}{self._update_id}.{self._early.said.commands}"  # of the command that finishes it
        return await self._channel.draft(text, self._dialog, begun_key(key), begun, self._address)

    async def _remember(self, begun: Begun | None) -> None:
        if not await until_stored(self._store.begin, self._update_id, self._early.said, begun):
            self._early.is_stale = True
            raise TurnError("somebody else runs this turn now")
        self._early.said = self._early.said._replace(begun=begun)
