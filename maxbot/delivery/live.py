"""What a running turn can do before it ends: see `maxbot.meanwhile`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from maxbot.channels.base import Channel
from maxbot.delivery.early import EarlyReplies
from maxbot.delivery.growing import GrowingMessage
from maxbot.delivery.typing import typing
from maxbot.errors import TurnError
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.types import Address, Command, Dialog

ASK_EVERY = 1.0
"""Seconds after which the database is asked again whether another worker has accepted something."""


class LiveTurn:
    """One turn's `Meanwhile`.

    Args:
        store: Knows what was accepted elsewhere.
        channel: Of the dialog, if the bot still has it.
        begin: Makes its early replies, once something is said or shown: few turns have any.
        dialog: Whose turn it is.
        update_id: Of its update.
        address: Where to answer to.
        heard: How often this worker was told of something new for the dialog.
    """

    def __init__(
        self,
        store: Store,
        channel: Channel | None,
        begin: Callable[[], EarlyReplies],
        dialog: Dialog,
        update_id: int,
        address: Address | None,
        heard: Callable[[Dialog], int],
    ) -> None:
        self._store = store
        self._channel = channel
        self._begin = begin
        self.early: EarlyReplies | None = None
        """Its early replies; None where there are none."""
        self._dialog = dialog
        self._update_id = update_id
        self._address = address
        self._heard = heard
        self._growing: GrowingMessage | None = None
        self._is_over = False
        self._superseded = False
        self._heard_then = -1
        self._asked_at = 0.0

    def say(self, command: Command) -> Awaitable[None]:
        """See `Meanwhile.say`."""
        return self._begun().say(command, after=[] if self._growing is None else self._growing.finish())

    def show(self, text: str) -> None:
        """See `Meanwhile.show`."""
        channel = self._channel
        if channel is None or channel.growth is None:
            return
        if self._growing is None:
            self._growing = GrowingMessage(
                self._store, channel, channel.growth, self._begun(), self._dialog, self._update_id, self._address
            )
        self._growing.show(text)

    def typing(self) -> AbstractContextManager[None]:
        """See `Meanwhile.typing`."""
        return typing(self._channel, self._dialog, self._address)

    async def superseded(self) -> bool:
        """See `Meanwhile.superseded`: at once what this worker accepts, within a second what others do."""
        now, heard = asyncio.get_running_loop().time(), self._heard(self._dialog)
        if not self._superseded and (heard != self._heard_then or now >= self._asked_at + ASK_EVERY):
            self._heard_then, self._asked_at = heard, now
            self._superseded = await until_stored(self._store.has_later, str(self._dialog), self._update_id)
        return self._superseded

    async def ended(self) -> None:
        """The bot's code has ended: take no more, and wait until all it said is committed."""
        if self._growing is not None and (calls := self._growing.finish()):
            await asyncio.wait(calls)
        self._is_over = True
        if self.early is not None:
            await self.early.committed()

    async def abort(self) -> None:
        """Stop at once, whatever is under way."""
        for call in [] if self._growing is None else self._growing.finish():
            call.cancel()
        self._is_over = True
        if self.early is not None:
            await self.early.abort()

    def _begun(self) -> EarlyReplies:
        if self.early is None:
            if self._is_over:
                raise TurnError("the turn is over: nothing more can be said in it")
            self.early = self._begin()
        return self.early
