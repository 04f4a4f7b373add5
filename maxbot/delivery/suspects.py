"""Whether a turn may run here: after a worker died, those that may be the cause run where they harm nobody.

The same goes for commands that were found in the outbox: a channel can kill its worker as well.

    no supervisor           one at a time in the only process there is; set aside when it died of it for the second time
    a worker                not at all: the supervisor is told, and the user's later messages wait behind it
    the quarantine worker   what the supervisor says, alone or in a small group

`attempts` in the inbox carries a suspicion over the end of everything: 1 when a turn was started again by a run that
cannot know how the run before it ended, and 1 more each time that it is started alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from typing import NamedTuple, TypeVar

from maxbot.board import Board, SuspectList, Suspicion, UnderWay
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.storage.tables.turns import PendingUpdate
from maxbot.types import Dialog

GUILTY_IN_ONE_PROCESS = 2
"""Attempts: it ran when the process died, and it was the only suspect that ran when it died again. Where nothing says
what ran at the first death, that is the third one."""

GUILTY = 3
"""Attempts: it ran alone twice when everything died, supervisor and all. Else the supervisor knows better."""

T = TypeVar("T")


class Verdict(Enum):
    """What to do with an update."""

    RUN = "run the turn"
    LEAVE = "leave it, and the dialog, to the quarantine"
    SET_ASIDE = "set it aside: it kills whoever runs it"


class Origin(NamedTuple):
    """How an update comes to be run here."""

    left_behind: bool
    """Whoever should have run it is perhaps gone."""
    taken_over: bool = False
    """Whoever had its dialog was taken for dead: a worker of another host, whose supervisor says nothing here."""


class Suspects:
    """Runs every turn as if nobody had ever died. Its subclasses know better."""

    stopping = False
    """Whether a turn that is cancelled now is cancelled by a stop."""
    lost = False
    """Whether the user locks are lost, and with them all turns: one of them may be why."""

    def trusts(self, update: PendingUpdate, origin: Origin) -> bool:
        """Whether there is nothing against an update, which is nearly always so: it runs without a trial.

        Args:
            update: The dialog's oldest.
            origin: How it comes to be run here.
        """
        return True

    @asynccontextmanager
    async def trial(self, dialog: Dialog, update: PendingUpdate) -> AsyncIterator[Verdict]:
        """Say what to do with an update that is not trusted, and be told when it is done."""
        yield Verdict.RUN

    async def watch(self, update: int, turn: Awaitable[T]) -> T:
        """Run a turn so that its process's death will be laid at its door."""
        return await turn

    async def watch_sending(self, update: int, sending: Awaitable[T]) -> T:
        """Send a command of an update so that its process's death will be laid at its door."""
        return await sending

    @contextmanager
    def sending(self, dialog: Dialog, update: int) -> Iterator[Verdict]:
        """Say what to do with a command of an update found in the outbox, and be told when all of them are sent."""
        yield Verdict.RUN

    def sleeps(self, dialog: Dialog) -> None:
        """A dialog has nothing more to do here."""

    @asynccontextmanager
    async def _counted(self, store: Store, update: PendingUpdate) -> AsyncIterator[None]:
        """Count an attempt, unless it is a stop that ends it, and no death."""
        await until_stored(store.mark_attempt, update.id)
        try:
            yield
        except asyncio.CancelledError:
            if self.stopping and not self.lost:
                store.unmark_attempt(update.id)
            raise


class InOneProcess(Suspects):
    """There is no other place.

    Args:
        store: Keeps the attempts.
        board: This process's.
        before: What the process before had under way when it died; None where nobody knows.
    """

    def __init__(self, store: Store, board: Board | None = None, before: UnderWay | None = None) -> None:
        if board is not None:
            self.watch = board.watch  # type: ignore[method-assign]
        self._store = store
        self._one_at_a_time = asyncio.Lock()
        self._knows = before is not None
        self._at_work = set(before.suspects) if before is not None else set()

    def trusts(self, update: PendingUpdate, origin: Origin) -> bool:
        unknown = not self._knows and any(origin)
        return not unknown and not update.attempts and update.id not in self._at_work

    @asynccontextmanager
    async def trial(self, dialog: Dialog, update: PendingUpdate) -> AsyncIterator[Verdict]:
        attempts = update.attempts
        if update.id in self._at_work:
            self._at_work.remove(update.id)
            attempts = await until_stored(self._store.mark_attempt, update.id)
        if attempts >= GUILTY_IN_ONE_PROCESS:
            yield Verdict.SET_ASIDE
        elif not attempts:
            async with self._counted(self._store, update):
                yield Verdict.RUN
        else:
            async with self._one_at_a_time, self._counted(self._store, update):
                yield Verdict.RUN


class InAWorker(Suspects):
    """There is a better place.

    Args:
        store: Keeps the attempts.
        board: This worker's.
        known: The supervisor's.
        report: Told each suspect that is the next of its dialog: dialog, update and attempts.
        done: Told each one that was set aside.
        first: Whether this run cannot know how the one before it ended.
    """

    def __init__(
        self,
        store: Store,
        board: Board,
        known: SuspectList,
        report: Callable[[Dialog, int, int], None],
        done: Callable[[Dialog, int], None],
        *,
        first: bool,
    ) -> None:
        self.watch = board.watch  # type: ignore[method-assign]
        self.watch_sending = board.note  # type: ignore[method-assign]
        self.first = first
        self._store = store
        self._known = known
        self._report = report
        self._done = done

    def trusts(self, update: PendingUpdate, origin: Origin) -> bool:
        unknown = origin.taken_over or (self.first and origin.left_behind)
        return not update.attempts and not unknown and self._known.find(update.id) is None

    @asynccontextmanager
    async def trial(self, dialog: Dialog, update: PendingUpdate) -> AsyncIterator[Verdict]:
        suspicion = self._known.find(update.id)
        if suspicion is Suspicion.GUILTY or update.attempts >= GUILTY:
            yield Verdict.SET_ASIDE
            self._done(dialog, update.id)
        elif suspicion is not None or update.attempts:
            if self._store.is_shared and not update.attempts:  # else a worker of another host would run it
                await until_stored(self._store.mark_attempt, update.id)
            self._report(dialog, update.id, update.attempts)
            yield Verdict.LEAVE
        else:
            async with self._counted(self._store, update):
                yield Verdict.RUN

    @contextmanager
    def sending(self, dialog: Dialog, update: int) -> Iterator[Verdict]:
        suspicion = self._known.find(update)
        if suspicion is Suspicion.GUILTY:
            try:
                yield Verdict.SET_ASIDE
            finally:
                self._done(dialog, update)
        elif suspicion is not None:
            self._report(dialog, update, 0)
            yield Verdict.LEAVE
        else:
            yield Verdict.RUN


class InQuarantine(Suspects):
    """Runs what it is told, and nothing else.

    Args:
        store: Keeps the attempts.
        board: This worker's.
        done: Told the end of each trial: of which dialog and update, and whether it has been run.
    """

    def __init__(self, store: Store, board: Board, done: Callable[[Dialog, int, bool], None]) -> None:
        self.watch = board.watch  # type: ignore[method-assign]
        self.watch_sending = board.note  # type: ignore[method-assign]
        self._store = store
        self._done = done
        self._trials: dict[Dialog, tuple[int, bool]] = {}

    def expect(self, dialog: Dialog, update: int, *, alone: bool) -> None:
        """The next turn of a dialog is a trial of this update; the dialog is woken after this.

        Args:
            dialog: Whose turn it is.
            update: What is suspected.
            alone: Whether nothing else is tried beside it, so that a death is its fault.
        """
        self._trials[dialog] = (update, alone)

    def trusts(self, update: PendingUpdate, origin: Origin) -> bool:
        return False

    @asynccontextmanager
    async def trial(self, dialog: Dialog, update: PendingUpdate) -> AsyncIterator[Verdict]:
        suspect, alone = self._trials.get(dialog, (0, False))
        if suspect != update.id:
            if self._trials.pop(dialog, None):  # somebody did it meanwhile
                self._done(dialog, suspect, True)
            yield Verdict.LEAVE
            return
        if alone or not update.attempts:
            async with self._counted(self._store, update):
                yield Verdict.RUN
        else:
            yield Verdict.RUN
        del self._trials[dialog]
        self._done(dialog, suspect, True)

    @contextmanager
    def sending(self, dialog: Dialog, update: int) -> Iterator[Verdict]:
        yield Verdict.RUN
        if self._trials.get(dialog, (0, False))[0] == update:
            del self._trials[dialog]
            self._done(dialog, update, True)

    def sleeps(self, dialog: Dialog) -> None:
        if (trial := self._trials.pop(dialog, None)) is not None:  # something else of the dialog has to wait
            self._done(dialog, trial[0], False)
