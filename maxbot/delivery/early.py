"""Early replies: committed one by one while the turn goes on, and sent beside it.

    say ─▶ commit (counted with the update) ─▶ outbox ─▶ sent, one after the other
    say ─▶ ...                                   ▲
    the turn's end ─▶ commit ────────────────────┘

The bot waits for the commit and not for the platform. What the platform does not take yet waits in the outbox, as do
the replies behind it; the commands of the turn's end go the same way. All happens under the turn's user lock.

A later run of the turn says the same replies again: as many of them as were committed are passed over.
"""

import asyncio
from collections.abc import Awaitable, Sequence

from maxbot.channels.offered import Offers
from maxbot.delivery.replies import Replies
from maxbot.errors import LockLost, StorageError, TurnError
from maxbot.meanwhile import nothing_to_wait_for
from maxbot.outbox.retries import until_stored
from maxbot.outbox.send import LookAgain, Sender, Waits
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import Sent
from maxbot.storage.tables.turns import PendingUpdate, Work
from maxbot.types import Command, Dialog
from maxbot.waiting import within


class EarlyReplies:
    """Those of one turn. Its caller holds the user lock, and ends it in any case.

    Args:
        store: Where the outbox is.
        sender: Sends what is in it.
        replies: Says what messages a reply becomes.
        dialog: Whose turn it is.
        work: As it was loaded under the lock; its outbox is empty.
        update: Whose turn it is.
    """

    def __init__(
        self, store: Store, sender: Sender, replies: Replies, dialog: Dialog, work: Work, update: PendingUpdate
    ) -> None:
        self.said = update.said
        """What has been committed, by this run or others."""
        self.failure: Exception | None = None
        """Why one of them could not be committed: the turn must not be, either."""
        self.is_stale = False
        """Whether that is because somebody else runs the turn."""
        self.offers = Offers()
        """What the user can press because of them."""
        self._store = store
        self._sender = sender
        self._replies = replies
        self._dialog = dialog
        self._work = work
        self._update = update
        self._count = 0
        self._commits: list[asyncio.Task[None]] = []
        self._sending: asyncio.Task[None] | None = None
        self._unsent = False
        self._others_send = False
        self._ended = asyncio.Event()

    @property
    def there_are(self) -> bool:
        """Whether this run has said something: it is this object then that sends what is in the outbox."""
        return bool(self._commits)

    @property
    def is_idle(self) -> bool:
        """Whether all that was said is committed, and nothing of it is on its way or waits for it."""
        return all(commit.done() for commit in self._commits) and not self._is_sending

    @property
    def is_certain(self) -> bool:
        """Whether nobody else can have taken the dialog over."""
        try:
            return self._store.holds(self._work.claim)
        except LockLost:
            return False

    @property
    def is_known(self) -> bool:
        """Whether the next reply was committed by an earlier run."""
        return self._count < self._update.said.replies

    @property
    def _is_sending(self) -> bool:
        return self._sending is not None and not self._sending.done()

    def say(self, command: Command, after: Sequence[asyncio.Task[None]] = ()) -> Awaitable[None]:
        """See `Meanwhile.say`.

        Args:
            command: The reply.
            after: What must have ended before it is committed.
        """
        if self._ended.is_set():
            raise TurnError("the turn is over: nothing more can be said in it")
        commands, _ = self._replies.expanded(self._dialog, [command], self.offers)
        self._count += 1
        if self._count <= self._update.said.replies:
            return nothing_to_wait_for()
        commit = asyncio.create_task(self._commit([*self._commits[-1:], *after], commands))
        self._commits.append(commit)
        # Who waits may be cancelled, and what is being committed must not be; who does not wait need not know.
        waiting = asyncio.shield(commit)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        return waiting

    async def committed(self) -> None:
        """The bot's code has ended: wait until all that it said is committed, and take no more."""
        self._ended.set()
        if self._commits:
            await asyncio.wait(self._commits)

    async def sent(self, *, more: bool) -> None:
        """Send what is left in the outbox, as far as it need not wait.

        Args:
            more: Whether the turn's end has put something into it.
        """
        if more:
            self._send_soon()
        if self._sending is not None:
            await self._sending

    async def abort(self) -> None:
        """Stop at once, whatever is under way: it stays in the outbox. Does nothing where all is done."""
        self._ended.set()
        tasks = [task for task in (*self._commits, self._sending) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _commit(self, before: list[asyncio.Task[None]], commands: list[Command]) -> None:
        if before:
            await asyncio.wait(before)
        if self.failure is not None:
            raise TurnError(str(self.failure)) from self.failure
        work, update = self._work, self._update
        try:
            rows = await until_stored(
                self._store.say_early, str(self._dialog), work.version, update.id, commands, self.said
            )
            if rows is None:
                self.is_stale = True
                raise TurnError("somebody else runs this turn now: what is said here does not count")
        except (StorageError, TurnError) as error:
            self.failure = error
            raise
        self.said = self.said._replace(
            replies=self.said.replies + 1, commands=self.said.commands + len(rows), begun=None
        )
        self._send_soon()

    def _send_soon(self) -> None:
        self._unsent = True
        if not self._is_sending:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        sent: Sent | None = None
        while self._unsent or sent is not None:
            self._unsent = False
            if sent is not None and not await until_stored(self._store.sent, sent):
                self._others_send = True  # the lock has failed: what follows was perhaps tried, too
            outbox = (await until_stored(self._store.load, str(self._dialog))).outbox
            sent = None
            try:
                # What stands there was put there by this run, and was not tried yet: nothing is uncertain. Where it is
                # another turn's, the lock has failed, and somebody may be sending it.
                found = self._others_send or any(row.update_id != self._update.id for row in outbox[:1])
                sent = await self._sender.send(self._dialog, outbox, found=found)
            except LookAgain:
                self._unsent = self._others_send = True
            except Waits as wait:
                if await within(wait.seconds, self._ended):
                    return
                self._unsent = True
