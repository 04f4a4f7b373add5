"""The contract is worth its tests: each of these broken implementations fails the one that is about its fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from maxbot.locks import UserLocks
from maxbot.locks.memory import MemoryLocks
from maxbot.testing.locks import UserLocksContract
from maxbot.types import Dialog


@asynccontextmanager
async def nothing(dialog: Dialog) -> AsyncIterator[None]:
    """Excludes nobody."""
    yield


class Broken:
    """Locks that only never forget a dialog; those of the subclasses have a fault more."""

    def __init__(self, meeting: dict[Dialog, asyncio.Lock], connections: int) -> None:
        self._locks = meeting
        self._connections = asyncio.Semaphore(connections)

    def _lock(self, dialog: Dialog) -> asyncio.Lock:
        return self._locks.setdefault(dialog, asyncio.Lock())

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        async with self._lock(dialog):
            yield


class LeaksOnCancel(Broken):
    """Has the lock fetched by a task of its own, which nobody stops when the wait is cancelled."""

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        lock = self._lock(dialog)
        await asyncio.shield(asyncio.ensure_future(lock.acquire()))
        try:
            yield
        finally:
            lock.release()


class LeaksOnError(Broken):
    """Releases after the body, and not where the body raises or is cancelled."""

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        lock = self._lock(dialog)
        await lock.acquire()
        yield
        lock.release()


class ReleasesWhatOthersHold(Broken):
    """Releases in a `finally` that also runs for a wait that was cancelled."""

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        lock = self._lock(dialog)
        try:
            await lock.acquire()
            yield
        finally:
            if lock.locked():
                lock.release()


class WaitsOnItsConnection(Broken):
    """Asks one thing at a time: while it waits for a lock, its only connection cannot release another one."""

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        lock = self._lock(dialog)
        async with self._connections:
            await lock.acquire()
        try:
            yield
        finally:
            async with self._connections:
                lock.release()


class HoldsAConnection(Broken):
    """Keeps a connection of a small pool for each lock held, as session locks of a database do."""

    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        async with self._connections, self._lock(dialog):
            yield


class SwallowsErrors(Broken):
    @asynccontextmanager
    async def __call__(self, dialog: Dialog) -> AsyncIterator[None]:
        async with self._lock(dialog):
            with suppress(ValueError):
                yield


class MixesUsers(Broken):
    """Locks the name in lower case, and without its channel."""

    def _lock(self, dialog: Dialog) -> asyncio.Lock:
        return super()._lock(Dialog("", dialog.user.lower()))


def clients_of(kind: type[Broken], connections: int = 1) -> Callable[[int], Sequence[UserLocks]]:
    def make(count: int) -> Sequence[UserLocks]:
        meeting: dict[Dialog, asyncio.Lock] = {}
        return [kind(meeting, connections) for _ in range(count)]

    return make


class Contract(UserLocksContract):
    patience = 0.5
    watch = 0.01

    def __init__(self, make: Callable[[int], Sequence[UserLocks]]) -> None:
        self.make = make

    @asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[Sequence[UserLocks]]:
        yield self.make(count)

    def entries(self, clients: Sequence[UserLocks]) -> int | None:
        return len(clients[0]._locks) if isinstance(clients[0], Broken) else None


BROKEN = [
    ("no exclusion", lambda count: [nothing] * count, "test_one_holder_at_a_time"),
    ("no exclusion", lambda count: [nothing] * count, "test_a_held_dialog_keeps_others_out_until_it_is_left"),
    ("within a process only", lambda count: [MemoryLocks() for _ in range(count)], "test_one_holder_at_a_time"),
    (
        "within a process only",
        lambda count: [MemoryLocks() for _ in range(count)],
        "test_a_held_dialog_keeps_others_out_until_it_is_left",
    ),
    ("leaks on cancel", clients_of(LeaksOnCancel), "test_a_cancelled_wait_leaves_everything_as_it_was"),
    ("leaks on cancel", clients_of(LeaksOnCancel), "test_a_wait_cancelled_in_the_moment_of_its_grant_leaks_nothing"),
    ("leaks on error", clients_of(LeaksOnError), "test_an_error_in_the_body_passes_and_releases"),
    ("leaks on error", clients_of(LeaksOnError), "test_a_cancelled_body_releases"),
    (
        "a cancelled wait releases",
        clients_of(ReleasesWhatOthersHold),
        "test_a_cancelled_wait_leaves_everything_as_it_was",
    ),
    ("waits on its connection", clients_of(WaitsOnItsConnection), "test_a_wait_holds_up_no_release"),
    ("waits on a pool", clients_of(WaitsOnItsConnection, connections=10), "test_many_waits_hold_up_no_other_dialog"),
    ("holds a connection", clients_of(HoldsAConnection, connections=10), "test_many_dialogs_are_held_at_the_same_time"),
    ("swallows errors", clients_of(SwallowsErrors), "test_an_error_in_the_body_passes_and_releases"),
    ("mixes users up", clients_of(MixesUsers), "test_users_and_channels_are_told_apart"),
    ("keeps every dialog", clients_of(Broken), "test_nothing_is_kept_of_dialogs_that_were_left"),
]


@pytest.mark.parametrize(
    ("make", "test"), [pytest.param(make, test, id=f"{fault}-{test}") for fault, make, test in BROKEN]
)
def test_the_contract_catches(make: Callable[[int], Sequence[UserLocks]], test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(Contract(make), test)()


def test_each_test_of_the_contract_catches_something() -> None:
    tests = {name for name in dir(UserLocksContract) if name.startswith("test_")}
    assert tests == {test for _, _, test in BROKEN}
