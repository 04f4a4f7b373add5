"""The contract of user locks, as tests for pytest. Ours pass it, and so must any that replace them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from maxbot.locks import UserLocks
from maxbot.types import Dialog

T = TypeVar("T")

ALICE, BOB = Dialog("test", "alice"), Dialog("test", "bob")


class UserLocksContract:
    """Tests of one implementation: subclass it in a test file, call it `Test...`, say how to open clients.

        class TestMyLocks(UserLocksContract):
            @asynccontextmanager
            async def clients(self, count):
                clients = [MyLocks("redis://localhost") for _ in range(count)]
                yield clients
                for client in clients:
                    await client.close()

    A test that fails says which promise is broken. No test needs a plugin of pytest.
    """

    patience: float = 10.0
    """Seconds for what must happen. Only a failing test takes so long."""

    watch: float = 0.05
    """Seconds for which a lock that is held is seen to keep others out: longer than taking a free one needs."""

    many: int = 100
    """How many dialogs are held, and how many tasks wait, at the same time."""

    def clients(self, count: int) -> AbstractAsyncContextManager[Sequence[UserLocks]]:
        """Open `count` clients of the same locks, each as a worker of its own would; close them at the end.

        Locks that work within one process only return the same object `count` times.
        """
        raise NotImplementedError

    def entries(self, clients: Sequence[UserLocks]) -> int | None:
        """Return for how many dialogs something is kept, in the clients and where they meet. None: cannot be seen."""
        return None

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """Run a test; override it for another event loop."""
        asyncio.run(test)

    # Exclusion

    def test_one_holder_at_a_time(self) -> None:
        inside = 0

        async def holder(locks: UserLocks) -> None:
            nonlocal inside
            for _ in range(5):
                async with locks(ALICE):
                    inside += 1
                    for _ in range(5):
                        await asyncio.sleep(0)
                        assert inside == 1, "two tasks held the same dialog at the same time"
                    inside -= 1

        async def scenario(clients: Sequence[UserLocks]) -> None:
            await _together([holder(locks) for locks in clients for _ in range(5)])

        self._run(2, scenario, "tasks of two clients take turns with one dialog")

    def test_a_held_dialog_keeps_others_out_until_it_is_left(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            for other in clients:  # the holder's own client, and another one
                waiter = _Holder(other, ALICE)
                async with clients[0](ALICE):
                    waiter.start()
                    await self._stays_out(waiter)
                await waiter.inside()
                await waiter.leave()

        self._run(2, scenario, "who waits for a dialog gets it when its holder leaves")

    def test_users_and_channels_are_told_apart(self) -> None:
        users = ["1", "2", "01", "a b", "a\nb", "a'b", 'a"b', "a%b", "a*", "A", "a", "ä", "жук", "🤖", "x" * 200]
        dialogs = [Dialog(channel, user) for channel in ("test", "test2") for user in users]

        async def scenario(clients: Sequence[UserLocks]) -> None:
            await self._hold_all_at_once(clients, dialogs)

        self._run(2, scenario, "dialogs with similar names do not exclude each other")

    # Nobody waits for more than the own dialog

    def test_many_dialogs_are_held_at_the_same_time(self) -> None:
        dialogs = [Dialog("test", str(number)) for number in range(self.many)]

        async def scenario(clients: Sequence[UserLocks]) -> None:
            await self._hold_all_at_once(clients, dialogs)

        self._run(2, scenario, f"{self.many} dialogs are held at the same time")

    def test_a_wait_holds_up_no_release(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            first, second = _Holder(clients[0], ALICE), _Holder(clients[1], BOB)
            for holder in (first, second):
                holder.start()
                await holder.inside()
            waiters = [_Holder(clients[0], BOB), _Holder(clients[1], ALICE)]
            for waiter in waiters:
                waiter.start()
                await self._stays_out(waiter)
            for holder in (first, second):
                await holder.leave()
            for waiter in waiters:
                await waiter.inside()
                await waiter.leave()

        self._run(
            2,
            scenario,
            "two clients wait for what the other holds, in tasks of their own, and get it when it is left",
        )

    def test_many_waits_hold_up_no_other_dialog(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            waiters = [_Holder(clients[n % 2], ALICE) for n in range(self.many)]
            async with clients[0](ALICE):
                for waiter in waiters:
                    waiter.start()
                await self._stays_out(*waiters)
                for locks in clients:
                    async with locks(BOB):
                        pass
            for waiter in waiters:
                waiter.may_leave.set()
            await _together([waiter.leave() for waiter in waiters])

        self._run(2, scenario, f"a dialog is free while {self.many} tasks wait for another one, which all get in turn")

    # Ways out

    def test_a_cancelled_wait_leaves_everything_as_it_was(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            for other in clients:
                cancelled, next_one = _Holder(other, ALICE), _Holder(other, ALICE)
                async with clients[0](ALICE):
                    cancelled.start()
                    await self._stays_out(cancelled)
                    await cancelled.cancel()
                    next_one.start()
                    await self._stays_out(next_one)
                await next_one.inside()
                await next_one.leave()

        self._run(2, scenario, "after a cancelled wait the holder still holds, and the next one gets in")

    def test_a_wait_cancelled_in_the_moment_of_its_grant_leaks_nothing(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            for other in clients:
                for steps in range(20):  # of the event loop, between the release and the cancellation
                    cancelled = _Holder(other, ALICE)
                    async with clients[0](ALICE):
                        cancelled.start()
                        await asyncio.sleep(0.001)
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    await cancelled.cancel()
                    async with clients[0](ALICE):
                        pass

        self._run(2, scenario, "a lock granted to a wait that was just being cancelled can be taken again")

    def test_an_error_in_the_body_passes_and_releases(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            error = ValueError("of the body")
            caught: Exception | None = None
            try:
                async with clients[0](ALICE):
                    raise error
            except Exception as other:
                caught = other
            assert caught is error, f"the body's error did not pass, but {caught!r}"
            for locks in clients:
                async with locks(ALICE):
                    pass

        self._run(2, scenario, "a dialog can be taken after the body raised")

    def test_a_cancelled_body_releases(self) -> None:
        async def scenario(clients: Sequence[UserLocks]) -> None:
            for other in clients:
                holder = _Holder(other, ALICE)
                holder.start()
                await holder.inside()
                await holder.cancel()
                async with clients[0](ALICE):
                    pass

        self._run(2, scenario, "a dialog can be taken after the body was cancelled")

    # Memory

    def test_nothing_is_kept_of_dialogs_that_were_left(self) -> None:
        async def use(locks: UserLocks, dialog: Dialog) -> None:
            waiter, cancelled = _Holder(locks, dialog), _Holder(locks, dialog)
            async with locks(dialog):
                waiter.start()
                cancelled.start()
                await asyncio.sleep(0)
                await cancelled.cancel()
            await waiter.inside()
            await waiter.leave()

        async def scenario(clients: Sequence[UserLocks]) -> None:
            if self.entries(clients) is None:
                return
            dialogs = [Dialog("test", str(number)) for number in range(self.many)]
            await _together([use(clients[n % 2], dialog) for n, dialog in enumerate(dialogs)])
            while self.entries(clients) != 0:
                await asyncio.sleep(0.001)

        self._run(2, scenario, "no entry is left of a dialog that nobody holds or waits for")

    def _run(
        self, count: int, scenario: Callable[[Sequence[UserLocks]], Coroutine[Any, Any, None]], promise: str
    ) -> None:
        async def run() -> None:
            async with self.clients(count) as clients:
                before = asyncio.all_tasks()
                task = asyncio.create_task(scenario(clients))
                await asyncio.wait([task], timeout=self.patience)
                in_time = task.done()
                if not in_time or task.exception():
                    # All at once: with broken locks one may be stuck in its release until another one ends.
                    left = asyncio.all_tasks() - before
                    for stuck in left:
                        stuck.cancel()
                    if left:
                        await asyncio.wait(left, timeout=self.patience)
                assert in_time, f"not within {self.patience} seconds: {promise}"
                task.result()

        self.run(run())

    async def _hold_all_at_once(self, clients: Sequence[UserLocks], dialogs: Sequence[Dialog]) -> None:
        holders = [_Holder(clients[n % len(clients)], dialog) for n, dialog in enumerate(dialogs)]
        for holder in holders:
            holder.start()
        for holder in holders:
            await holder.inside()
        for holder in holders:
            await holder.leave()

    async def _stays_out(self, *waiters: "_Holder") -> None:
        await asyncio.sleep(self.watch)
        assert not any(waiter.is_inside for waiter in waiters), "a dialog was taken while somebody else held it"


class _Holder:
    """A task that takes a dialog and stays in the body until it is told to leave."""

    def __init__(self, locks: UserLocks, dialog: Dialog) -> None:
        self._locks = locks
        self._dialog = dialog
        self._inside = asyncio.Event()
        self.may_leave = asyncio.Event()

    @property
    def is_inside(self) -> bool:
        return self._inside.is_set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._hold())

    async def _hold(self) -> None:
        async with self._locks(self._dialog):
            self._inside.set()
            await self.may_leave.wait()

    async def inside(self) -> None:
        """Wait until it holds the dialog."""
        entering = asyncio.create_task(self._inside.wait())
        try:
            await asyncio.wait([entering, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            entering.cancel()
        if not self._inside.is_set():
            await self._task

    async def leave(self) -> None:
        self.may_leave.set()
        await self._task

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            raise AssertionError("a cancelled task went on as if nothing had happened") from self._task.exception()


async def _together(steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at the same time; the error of the first that fails."""
    return await asyncio.gather(*steps)
