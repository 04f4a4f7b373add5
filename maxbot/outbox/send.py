"""Send the commands of a dialog in order, and decide what a failed attempt means.

    sent               the row is removed
    RetryLater         not sent: the row waits until `not_before`, and so does the dialog
    OutcomeUnknown     counted as `uncertain`; waits and is sent again, or is set aside if it must not be repeated
    Undeliverable      set aside as a dead letter; the next command goes on

A dialog does not hold its lock while it waits: whoever is woken first when the time has come goes on.

Where a user lock failed and two send the same commands, each step of one is refused to the other, who then looks at the
outbox anew: what is sent twice all the same is counted as `uncertain`.
"""

import logging
import time
from collections.abc import Mapping, Sequence

from maxbot.backoff import backoff
from maxbot.channels.base import Channel
from maxbot.errors import OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.types import Command, Dialog

logger = logging.getLogger(__name__)

FIRST_RETRY = 0.5
LONGEST_RETRY = 60.0

ATTEMPTS_AT_A_BUG = 5
"""How often a command is tried whose channel raises something that no channel should."""


class Waits(Exception):
    """The dialog's next command must wait.

    Args:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Sender:
    """Sends a dialog's commands. Its caller holds the user lock.

    Args:
        store: Where the outbox is.
        channels: By name.
        give_up_after: Seconds after which a command that could not be sent is set aside.
    """

    def __init__(self, store: Store, channels: Mapping[str, Channel], give_up_after: float) -> None:
        self._store = store
        self._channels = channels
        self._give_up_after = give_up_after

    async def send(self, dialog: Dialog, rows: Sequence[OutboxRow], *, found: bool) -> list[tuple[int, int]]:
        """Send commands in order.

        Args:
            dialog: Whose they are.
            rows: From the outbox, in order.
            found: Whether they were in the outbox already when the lock was taken, rather than committed under it.

        Returns:
            What was sent and is still in the outbox, as (update_id, position): the caller removes it with its next
            call to the database.

        Raises:
            Waits: The rest cannot be sent yet.
        """
        sent: list[tuple[int, int]] = []
        for index, row in enumerate(rows):
            if sent and not await until_stored(self._store.sent, *sent.pop()):
                raise Waits(0.0)
            if row.not_before is not None:
                row = await self._start_retry(row)
            elif found and index == 0 and not await self._take_up(dialog, row):
                continue
            if await self._attempt(dialog, row):
                sent.append((row.update_id, row.position))
        return sent

    async def _start_retry(self, row: OutboxRow) -> OutboxRow:
        assert row.not_before is not None
        remaining = row.not_before - time.time()
        if remaining > 0:
            raise Waits(remaining)
        if not await until_stored(self._store.postpone, row, row.attempts, None):
            raise Waits(0.0)
        return row._replace(not_before=None)

    async def _take_up(self, dialog: Dialog, row: OutboxRow) -> bool:
        """Somebody who is gone may have sent it: say so, and return whether to send it (again)."""
        await until_stored(self._store.count, "uncertain")
        if row.resend:
            logger.warning(
                "Reply %s to %s may be sent a second time: whoever sent it was gone before noting it", row.key, dialog
            )
            return True
        await self._set_aside(dialog, row, "It may have been sent, and must not be sent twice")
        return False

    async def _attempt(self, dialog: Dialog, row: OutboxRow) -> bool:
        """Hand a command to its channel; return whether it was sent.

        Raises:
            Waits: It was not, and the next attempt has its time.
        """
        channel = self._channels.get(dialog.channel)
        if channel is None:
            await self._set_aside(dialog, row, f"The bot has no channel {dialog.channel} any more")
            return False
        try:
            await channel.send(Command(row.content, row.key, row.resend), dialog)
            return True
        except RetryLater as error:
            await self._postpone(dialog, row, error.reason, error.retry_after)
        except StorageUnavailable as error:  # a channel whose replies are kept here
            await self._postpone(dialog, row, str(error), None)
        except OutcomeUnknown as error:
            await self._resend_or_set_aside(dialog, row, error.reason)
        except Undeliverable as error:
            await self._set_aside(dialog, row, error.reason)
        except Exception as error:
            logger.exception("Channel %s failed at a reply to %s", dialog.channel, dialog)
            if row.attempts + 1 >= ATTEMPTS_AT_A_BUG:
                await self._set_aside(dialog, row, f"{type(error).__name__}: {error}")
            else:
                await self._resend_or_set_aside(dialog, row, f"{type(error).__name__} in the channel")
        return False

    async def _resend_or_set_aside(self, dialog: Dialog, row: OutboxRow, reason: str) -> None:
        await until_stored(self._store.count, "uncertain")
        if row.resend:
            await self._postpone(dialog, row, f"{reason}; it may arrive twice", None)
        else:
            await self._set_aside(dialog, row, f"{reason}; it may have arrived, and must not be sent twice")

    async def _postpone(self, dialog: Dialog, row: OutboxRow, reason: str, retry_after: float | None) -> None:
        now = time.time()
        if now - row.committed_at > self._give_up_after:
            await self._set_aside(dialog, row, f"Gave up after {now - row.committed_at:.0f} seconds: {reason}")
            return
        attempts = row.attempts + 1
        wait = retry_after if retry_after is not None else backoff(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        logger.warning("Reply %s to %s waits %.1f seconds: %s", row.key, dialog, wait, reason)
        stored = await until_stored(self._store.postpone, row, attempts, now + wait)
        raise Waits(wait if stored else 0.0)

    async def _set_aside(self, dialog: Dialog, row: OutboxRow, reason: str) -> None:
        logger.error("Reply %s to %s is set aside: %s", row.key, dialog, reason)
        if not await until_stored(self._store.set_aside_command, str(dialog), row, reason):
            raise Waits(0.0)
