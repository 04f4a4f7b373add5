"""Joins the steps: what a dialog does while it is awake.

Send what is unsent, run the oldest update, send its commands, look again. Delivery sees channels, locks, storage and
the bot through narrow interfaces, and knows neither HTTP nor processes.
"""

from collections.abc import Callable, Mapping, Sequence

from maxbot.channels.base import Channel
from maxbot.delivery.awake import Dialogs
from maxbot.delivery.suspects import Origin, Suspects, Verdict
from maxbot.delivery.turns import Bot, Turns
from maxbot.events import DialogElsewhere, Observer, nobody
from maxbot.locks import UserLocks
from maxbot.outbox.retries import until_stored
from maxbot.outbox.send import LookAgain, Sender, Waits
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow, Sent
from maxbot.types import Dialog

DIED_SENDING = "Its worker died while it sent this command, and died again when it was tried where it harms nobody"


class LeftToOthers(Exception):
    """What is next of the dialog is suspected of having killed its worker; the quarantine will do it."""


class Delivery:
    """From the inbox to the platform, dialog by dialog.

    Args:
        store: Everything durable.
        bot: Runs the turns.
        channels: By name; they send.
        user_locks: One turn of a dialog at a time.
        turn_timeout: Seconds after which a turn is set aside.
        give_up_after: Seconds after which an unsent command is set aside.
        observe: Told what happens.
        suspects: Says which turns may run here. Default: all.
    """

    def __init__(
        self,
        store: Store,
        bot: Bot,
        channels: Mapping[str, Channel],
        user_locks: UserLocks,
        *,
        turn_timeout: float,
        give_up_after: float,
        observe: Observer = nobody,
        suspects: Suspects | None = None,
    ) -> None:
        self._store = store
        self._observe = observe
        self._elsewhere: set[Dialog] = set()
        self._suspects = suspects or Suspects()
        self._dialogs = Dialogs(user_locks, self._work)
        self._sender = Sender(
            store,
            channels,
            give_up_after,
            observe,
            self._dialogs.wake,
            self._suspects.watch_sending,
            holds=self._dialogs.holds,
        )
        self._turns = Turns(
            store, bot, channels, turn_timeout, self._suspects, observe, self._sender, self._dialogs.heard
        )
        self.wake = self._dialogs.wake
        self.rouse = self._dialogs.rouse
        self.take_up = self._dialogs.take_up

    def look_again(self) -> None:
        """Wake the dialogs that other workers had: one of them is dead."""
        for dialog in list(self._elsewhere):
            self.wake(dialog)

    async def drain(self, timeout: float, is_hopeless: Callable[[], bool] = lambda: False) -> int:
        """See `Dialogs.drain`: a stop."""
        self._suspects.stopping = True
        return await self._dialogs.drain(timeout, is_hopeless)

    async def _work(self, dialog: Dialog, left_behind: bool) -> float | None:
        try:
            return await self._work_off(dialog, left_behind)
        finally:
            self._suspects.sleeps(dialog)

    async def _work_off(self, dialog: Dialog, left_behind: bool) -> float | None:
        sent: Sent | None = None
        turns = 0
        taken_over = False
        while True:
            patient = turns > 0 and not self._dialogs.heard(dialog)  # nothing is known to be left but to say that
            work = await until_stored(self._store.load, str(dialog), sent, patient=patient)
            sent = None
            if work.elsewhere is not None:
                return self._leave(dialog, work.elsewhere)
            self._elsewhere.discard(dialog)
            taken_over = taken_over or work.taken_over
            try:
                if work.outbox:
                    sent = await self._send_found(dialog, work.outbox)
                elif work.update is None or (turns and self._dialogs.draining):
                    return None
                else:
                    turns += 1
                    origin = Origin(left_behind, taken_over)
                    taken_over = False
                    commands = await self._turns.run(dialog, work, work.update, origin)
                    if commands is None:
                        raise LeftToOthers
                    sent = await self._sender.send(dialog, commands, found=False)
            except Waits as wait:
                return wait.seconds
            except LookAgain:
                continue
            except LeftToOthers:
                if self._store.is_shared:
                    await until_stored(self._store.release, str(dialog))
                return None

    def _leave(self, dialog: Dialog, seconds: float) -> float:
        """Leave a dialog to the worker that has it, and say when to look whether that one still lives."""
        self._elsewhere.add(dialog)
        self._observe(DialogElsewhere(dialog, seconds))
        return seconds

    async def _send_found(self, dialog: Dialog, rows: Sequence[OutboxRow]) -> Sent | None:
        with self._suspects.sending(dialog, rows[0].update_id) as verdict:
            if verdict is Verdict.LEAVE:
                raise LeftToOthers
            if verdict is Verdict.RUN:
                return await self._sender.send(dialog, rows, found=True)
            await self._sender.set_aside(dialog, rows[0], DIED_SENDING)
            return None
