"""Send the commands of a dialog in order, and decide what a failed attempt means.

    sent               the row is removed
    RetryLater         not sent: the row waits until `not_before`, and so does the dialog; given up after some time.
                       Where it reaches further, all dialogs of the channel wait; where the user has moved, so does
                       the dialog
    OutcomeUnknown     counted as `uncertain`; waits and is sent again, a few times, or is set aside if it must not be.
                       Where the platform knows a command again, it may always be repeated, and is not counted
    Undeliverable      set aside as a dead letter; the next command goes on, unless the dialog is closed to all

A dialog does not hold its lock while it waits: whoever is woken first when the time has come goes on.

Where several hosts share the database, nothing is sent unless it is certain that no other one has taken over.

Where a user lock failed and two send the same commands, each step of one is refused to the other, who then looks at the
outbox anew: what is sent twice all the same is counted as `uncertain`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from maxbot.channels.base import Channel
from maxbot.channels.offered import without
from maxbot.errors import DialogClosed, LockLost, Moved, OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.events import (
    ChannelFailed,
    CommandPostponed,
    CommandRepeated,
    CommandSent,
    CommandSetAside,
    DialogMoved,
    Observer,
    nobody,
)
from maxbot.outbox.rests import Rests
from maxbot.outbox.retries import MOST_TAKEN_UP, MOST_UNKNOWN, pause, until_stored
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow, Sent
from maxbot.types import Begun, Command, Dialog


class Waits(Exception):
    """The dialog's next command must wait.

    Args:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class LookAgain(Exception):
    """The outbox is not as it was: somebody else sends the dialog's commands too."""


class Sender:
    """Sends a dialog's commands. Its caller holds the user lock.

    Args:
        store: Where the outbox is.
        channels: By name.
        give_up_after: Seconds after which a command that could not be sent is set aside.
        observe: Told what happens.
        wake: Called for a dialog that has work now: under a new name.
        watch: Awaits the sending of an update's command, so that the process's death will be laid at its door.
        holds: Whether the user lock of a dialog is surely held still.
    """

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        give_up_after: float,
        observe: Observer = nobody,
        wake: Callable[[Dialog], None] = lambda dialog: None,
        watch: Callable[[int, Awaitable[None]], Awaitable[None]] = lambda update, sending: sending,
        holds: Callable[[Dialog], bool] = lambda dialog: True,
    ) -> None:
        self._store = store
        self._channels = channels
        self._give_up_after = give_up_after
        self._observe = observe
        self._wake = wake
        self._watch = watch
        self._holds = holds
        self._rests = Rests(store)

    async def send(self, dialog: Dialog, rows: Sequence[OutboxRow], *, found: bool) -> Sent | None:
        """Send commands in order.

        Args:
            dialog: Whose they are.
            rows: From the outbox, in order.
            found: Whether they were in the outbox already when the lock was taken, rather than committed under it.

        Returns:
            The last one, if it was sent: it is still in the outbox, and the caller removes it with its next call to
            the database.

        Raises:
            Waits: The rest cannot be sent yet.
            LookAgain: The rows are not what is in the outbox now.
            LockLost: Others have taken this worker for dead, or may send them by now.
        """
        sent: Sent | None = None
        for index, row in enumerate(rows):
            if sent is not None and not await until_stored(self._store.sent, sent):
                raise LookAgain
            sent = None
            begun = await self._begin(dialog, row, taken_up=found and index == 0)
            while not self._store.holds(row.claim):  # paused, or cut from the database
                await until_stored(self._store.ping)
            if not self._holds(dialog):
                raise LockLost(f"the user lock of {dialog} is over")
            try:
                if begun is not None and await self._attempt(dialog, begun):
                    sent = row.id
            except DialogClosed as error:
                for unsent in (begun or row, *rows[index + 1 :]):
                    await self.set_aside(dialog, unsent, error.reason)
                break
        return sent

    async def _begin(self, dialog: Dialog, row: OutboxRow, *, taken_up: bool) -> OutboxRow | None:
        """Return a command whose attempt may begin; None if it was set aside."""
        if not self._rests.knows(dialog.channel):
            await self._rests.recall(dialog.channel)
        rest = self._rests.remaining(dialog.channel)
        if rest and await self._give_up(dialog, row, "the channel rests"):
            return None
        if rest and not taken_up and row.not_before is None:
            # It is certain that it was not sent, and whoever finds it shall know.
            await self._wait(dialog, row, rest, "the channel rests")
        if rest:
            raise Waits(rest)
        if row.not_before is not None:
            return await self._start_retry(row)
        return await self._take_up(dialog, row) if taken_up else row

    async def _start_retry(self, row: OutboxRow) -> OutboxRow:
        assert row.not_before is not None
        now = self._store.now()
        # A clock that shows less than when it was postponed was set back, and says nothing about what remains.
        remaining = row.not_before - now if now >= (row.postponed_at or 0.0) else 0.0
        if remaining > 0:
            raise Waits(remaining)
        return await self._change(row, row._replace(attempts=row.attempts + 1, not_before=None, postponed_at=None))

    async def _take_up(self, dialog: Dialog, row: OutboxRow) -> OutboxRow | None:
        """Somebody who is gone may have sent it: count that, and return it where it is to be sent (again)."""
        recognised = self._is_recognised(dialog, row)
        if not recognised:
            await until_stored(self._store.count, "uncertain")
        if not (recognised or row.resend):
            await self.set_aside(dialog, row, "It may have been sent, and must not be sent twice")
            return None
        if row.taken_up + 1 >= MOST_TAKEN_UP:
            await self.set_aside(dialog, row, f"{MOST_TAKEN_UP} workers died while they sent it")
            return None
        if not recognised:
            self._observe(CommandRepeated(dialog, row.key))
        return await self._change(row, row._replace(attempts=row.attempts + 1, taken_up=row.taken_up + 1))

    async def _change(self, row: OutboxRow, then: OutboxRow) -> OutboxRow:
        if not await until_stored(self._store.postpone, row, then):
            raise LookAgain
        return then

    async def _attempt(self, dialog: Dialog, row: OutboxRow) -> bool:
        """Hand a command to its channel; return whether it was sent.

        Raises:
            Waits: It was not, and the next attempt has its time.
            DialogClosed: Neither this one nor any other will arrive.
        """
        channel = self._channels.get(dialog.channel)
        if channel is None:
            await self.set_aside(dialog, row, f"The bot has no channel {dialog.channel} any more")
            return False
        try:
            key, begun = self._store.mark + row.key, row.begun
            if begun == {}:
                begun = await self._found(channel, row)
            command = Command(row.content, key, row.resend, without(row.address), begun=begun)
            await self._watch(row.update_id, channel.send(command, dialog))
        except Moved as error:
            await self._move(dialog, row, error.user)
        except RetryLater as error:
            if error.reach == "channel":
                await self._rests.note(dialog.channel, error.retry_after)
            await self._postpone(dialog, row, error.reason, error.retry_after)
        except StorageUnavailable as error:  # a channel whose replies are kept here
            await self._postpone(dialog, row, str(error), None)
        except OutcomeUnknown as error:
            await self._resend_or_set_aside(dialog, row, error.reason)
        except DialogClosed:
            raise
        except Undeliverable as error:
            await self.set_aside(dialog, row, error.reason)
        except Exception as error:
            self._observe(ChannelFailed(dialog, error))
            await self._resend_or_set_aside(dialog, row, f"{type(error).__name__} in the channel: {error}")
        else:
            self._rests.end(dialog.channel)
            self._observe(CommandSent(dialog, row.key))
            return True
        return False

    async def _found(self, channel: Channel, row: OutboxRow) -> Begun | None:
        """Return what finds the message that a command finishes; None where it stays beside it, if it is there."""
        if channel.growth is not None and channel.growth.finds:
            return row.begun
        if not row.attempts:
            await until_stored(self._store.count, "uncertain")
        return None

    def _is_recognised(self, dialog: Dialog, row: OutboxRow) -> bool:
        """Whether the platform would know a command again, so that it cannot arrive twice."""
        channel = self._channels.get(dialog.channel)
        return channel is not None and 0 <= self._store.now() - row.committed_at < channel.recognises_for

    async def _resend_or_set_aside(self, dialog: Dialog, row: OutboxRow, reason: str) -> None:
        recognised, unknown = self._is_recognised(dialog, row), row.unknown + 1
        if not recognised:
            await until_stored(self._store.count, "uncertain")
        if not (recognised or row.resend):
            await self.set_aside(dialog, row, f"{reason}; it may have arrived, and must not be sent twice")
        elif unknown >= MOST_UNKNOWN:
            await self.set_aside(dialog, row, f"{reason}; after {unknown} attempts nobody knows whether it arrived")
        else:
            await self._postpone(dialog, row, reason if recognised else f"{reason}; it may arrive twice", None, unknown)

    async def _postpone(
        self, dialog: Dialog, row: OutboxRow, reason: str, wish: float | None, unknown: int | None = None
    ) -> None:
        if await self._give_up(dialog, row, reason):
            return
        left = self._give_up_after - max(0.0, self._store.now() - row.committed_at)
        failures = row.attempts + 1 - row.taken_up  # a worker's death says nothing about the platform
        wait = pause(failures, wish, left)
        await self._wait(dialog, row, wait, reason, unknown)

    async def _give_up(self, dialog: Dialog, row: OutboxRow, reason: str) -> bool:
        age = self._store.now() - row.committed_at
        if age < self._give_up_after:
            return False
        await self.set_aside(dialog, row, f"Gave up after {age:.0f} seconds: {reason}")
        return True

    async def _wait(
        self, dialog: Dialog, row: OutboxRow, seconds: float, reason: str, unknown: int | None = None
    ) -> None:
        now = self._store.now()
        self._observe(CommandPostponed(dialog, row.key, seconds, reason))
        unknown = row.unknown if unknown is None else unknown
        await self._change(row, row._replace(unknown=unknown, not_before=now + seconds, postponed_at=now))
        raise Waits(seconds)

    async def _move(self, dialog: Dialog, row: OutboxRow, user: str) -> None:
        to, now = Dialog(dialog.channel, user), self._store.now()
        self._observe(DialogMoved(dialog, to))
        await self._change(row, row._replace(not_before=now, postponed_at=now))  # it was surely not sent
        await until_stored(self._store.move, dialog, to)
        self._wake(to)
        raise LookAgain

    async def set_aside(self, dialog: Dialog, row: OutboxRow, reason: str) -> None:
        """Make a dead letter of a command.

        Raises:
            LookAgain: It is not in the outbox any more.
        """
        self._observe(CommandSetAside(dialog, row.key, reason))
        if not await until_stored(self._store.set_aside_command, str(dialog), row, reason):
            raise LookAgain
