import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest

from maxbot.errors import LockLost
from maxbot.locks import UserLocks
from maxbot.locks.host import UnixLocks
from maxbot.locks.server import LockServer
from maxbot.locks.wire import MAX_NAME
from maxbot.testing.locks import ALICE, BOB, UserLocksContract
from maxbot.types import Dialog
from tests.locks import host_support
from tests.locks.host_support import LOOPS, connected, eventually

on_both_loops = pytest.mark.parametrize("loop", LOOPS)


class TestUnixLocks(UserLocksContract):
    loop = "asyncio"
    delegates = False

    @asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[Sequence[UserLocks]]:
        async with connected(count, delegates=self.delegates) as (self.server, clients):
            yield clients

    def entries(self, clients: Sequence[UserLocks]) -> int | None:
        return (
            self.server.held()
            + self.server.waiting()
            + sum(len(client._requests) + len(client._given) for client in clients if isinstance(client, UnixLocks))
        )

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        host_support.run(self.loop, test)


class TestUnixLocksOnUvloop(TestUnixLocks):
    loop = "uvloop"


class TestUnixLocksOfOneThatWasAlone(TestUnixLocks):
    """The first client of several had all locks to give out before the second one came."""

    delegates = True


def frame(request: int, name: bytes = b"") -> bytes:
    return struct.pack("!QH", request, len(name)) + name


async def granted(sock: socket.socket) -> int:
    """Return the next request that the server grants to a client that is a bare socket."""
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(60):
        while len(data) < 8:
            chunk = await loop.sock_recv(sock, 8 - len(data))
            assert chunk, "the server ended the connection"
            data += chunk
    number: int = struct.unpack("!Q", data)[0]
    return number


async def forever() -> None:
    await asyncio.Event().wait()


def ending(server: LockServer) -> Callable[[], Awaitable[None]]:
    """Return a body that ends the connections and then waits for what comes of it."""

    async def body() -> None:
        server.close()
        await forever()

    return body


async def hold(body: Callable[[], Awaitable[None]], *locks: AbstractAsyncContextManager[Any]) -> None:
    """Run `body` inside of all these locks."""
    async with AsyncExitStack() as stack:
        for lock in locks:
            await stack.enter_async_context(lock)
        await body()


async def not_get_in(locks: UnixLocks) -> None:
    async with locks(ALICE):
        raise AssertionError("got in")


async def bare_client(server: LockServer) -> socket.socket:
    ours, theirs = socket.socketpair()
    await server.serve(ours, "bare")
    theirs.setblocking(False)
    return theirs


# A lost connection


@on_both_loops
def test_a_body_whose_lock_is_lost_is_cancelled_and_leaves_with_lock_lost(loop: str) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with pytest.raises(LockLost, match="test:alice"):
                await hold(ending(server), locks(ALICE))
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            await asyncio.sleep(0)  # nothing of the cancellation is left

    host_support.run(loop, scenario())


@on_both_loops
def test_waiters_and_new_requests_get_lock_lost(loop: str) -> None:
    async def scenario() -> None:
        async with connected(2) as (server, [first, second]):
            holder = asyncio.create_task(hold(forever, first(ALICE)))
            await eventually(lambda: server.held() == 1)
            waiters = [asyncio.create_task(not_get_in(locks)) for locks in (first, second)]
            await eventually(lambda: server.waiting() == 2)
            server.close()
            for task in (holder, *waiters):
                with pytest.raises(LockLost):
                    await task
            with pytest.raises(LockLost):
                await not_get_in(first)

    host_support.run(loop, scenario())


@on_both_loops
def test_close_frees_what_was_held_and_may_be_repeated(loop: str) -> None:
    async def scenario() -> None:
        async with connected(2) as (server, [first, second]):
            holder = asyncio.create_task(hold(forever, first(ALICE)))
            await eventually(lambda: server.held() == 1)
            await first.close()
            await first.close()
            async with second(ALICE):
                pass
            with pytest.raises(LockLost):
                await holder

    host_support.run(loop, scenario())


@on_both_loops
def test_a_body_that_closes_the_locks_leaves_with_lock_lost(loop: str) -> None:
    async def scenario() -> None:
        async with connected(1) as (_, [locks]):
            with pytest.raises(LockLost):
                await hold(locks.close, locks(ALICE))

    host_support.run(loop, scenario())


@on_both_loops
def test_who_gets_a_lock_of_one_that_died_sees_what_was_done_at_its_death(loop: str) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, (heir,)):
            ours, theirs = socket.socketpair()
            said: list[str] = []
            await server.serve(ours, "who dies", lambda: said.append("died"))
            victim = UnixLocks(theirs)
            await victim.start()
            holding = asyncio.create_task(hold(forever, victim(ALICE)))
            await eventually(lambda: server.held() == 1)

            async def note() -> None:
                said.append("has it")

            waiting = asyncio.create_task(hold(note, heir(ALICE)))
            await eventually(lambda: server.waiting() == 1)
            await victim.close()
            await waiting
            with pytest.raises(LockLost):
                await holding
            assert said == ["died", "has it"]

    host_support.run(loop, scenario())


@pytest.mark.parametrize("outside_first", [True, False])
def test_a_cancellation_from_outside_wins_over_the_loss(outside_first: bool) -> None:
    async def scenario() -> None:
        async with connected(1) as (_, [locks]):
            inside = asyncio.Event()

            async def body() -> None:
                inside.set()
                await forever()

            holder = asyncio.create_task(hold(body, locks(ALICE)))
            await inside.wait()
            if outside_first:
                holder.cancel()
            locks.connection_lost(None)
            if not outside_first:
                holder.cancel()
            with pytest.raises(asyncio.CancelledError):
                await holder

    asyncio.run(scenario())


def test_a_wait_that_is_cancelled_while_the_connection_ends_is_cancelled() -> None:
    async def scenario() -> None:
        async with connected(2) as (server, [first, second]), first(ALICE):
            waiter = asyncio.create_task(not_get_in(second))
            await eventually(lambda: server.waiting() == 1)
            second.connection_lost(None)
            waiter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiter

    asyncio.run(scenario())


def test_a_grant_that_comes_while_the_wait_is_cancelled_is_given_back() -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            waiter = asyncio.create_task(not_get_in(locks))
            await asyncio.sleep(0)
            [lock] = locks._requests.values()
            waiter.cancel()
            lock._grant()
            with pytest.raises(asyncio.CancelledError):
                await waiter
            async with asyncio.timeout(60), locks(ALICE):
                assert server.held() == 1

    asyncio.run(scenario())


def test_a_loss_between_the_grant_and_the_body_keeps_the_body_from_running() -> None:
    async def scenario() -> None:
        async with connected(1) as (_, [locks]):
            waiter = asyncio.create_task(not_get_in(locks))
            await asyncio.sleep(0)
            [lock] = locks._requests.values()
            lock._grant()
            locks.connection_lost(None)
            with pytest.raises(LockLost):
                await waiter

    asyncio.run(scenario())


def test_lock_lost_explains_whatever_the_body_made_of_its_cancellation() -> None:
    async def swallow(lose: Callable[[], Awaitable[None]]) -> None:
        with suppress(asyncio.CancelledError):
            await lose()

    async def replace(lose: Callable[[], Awaitable[None]]) -> None:
        try:
            await lose()
        except asyncio.CancelledError as error:
            raise RuntimeError("of the body") from error

    async def scenario() -> None:
        for body, cause in ((swallow, type(None)), (replace, RuntimeError)):
            async with connected(1) as (server, [locks]):
                with pytest.raises(LockLost) as caught:
                    await hold(partial(body, ending(server)), locks(ALICE))
                assert isinstance(caught.value.__cause__, cause)

    asyncio.run(scenario())


def test_of_nested_locks_the_outer_one_says_lock_lost() -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with pytest.raises(LockLost, match="alice"):
                await hold(ending(server), locks(ALICE), locks(BOB))

    asyncio.run(scenario())


@on_both_loops
def test_a_client_that_closes_only_its_sending_side_and_never_reads_is_gone_too(loop: str) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with await bare_client(server) as bare:
                bare.sendall(frame(1, b"test:alice"))
                assert await granted(bare) == 1
                waiting = asyncio.create_task(locks(ALICE).__aenter__())
                await eventually(lambda: server.waiting() == 1)
                [transport] = [client._transport for client in server._clients if client.owner == "bare"]
                number = 1
                while transport.get_write_buffer_size() == 0:  # grants that it does not read
                    for _ in range(100):
                        number += 1
                        await asyncio.get_running_loop().sock_sendall(bare, frame(number, b"test:bob") + frame(number))
                    await asyncio.sleep(0)
                bare.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(60):
                    await waiting

    host_support.run(loop, scenario())


# A client that sends nonsense


@on_both_loops
@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(struct.pack("!QH", 2, MAX_NAME + 1), id="name too long"),
        pytest.param(frame(2), id="leaves what it never took"),
        pytest.param(frame(1, b"test:bob"), id="the same request twice"),
        pytest.param(b"\xff" * 100, id="noise"),
    ],
)
def test_nonsense_ends_that_connection_only(loop: str, nonsense: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with await bare_client(server) as bare:
                async with locks(BOB):
                    bare.sendall(frame(1, b"test:alice"))
                    assert await granted(bare) == 1
                    bare.sendall(nonsense)
                    async with asyncio.timeout(60), locks(ALICE):  # what it held is free
                        assert server.clients() == 1
                assert not locks.lost.is_set()

    with caplog.at_level(logging.ERROR):
        host_support.run(loop, scenario())
    assert "bare" in caplog.text


@on_both_loops
def test_frames_may_arrive_in_pieces(loop: str) -> None:
    async def scenario() -> None:
        async with connected(0) as (server, _):
            with await bare_client(server) as bare:
                for byte in frame(1, b"test:alice") + frame(1) + frame(2, b"test:bob"):
                    bare.sendall(bytes([byte]))
                    await asyncio.sleep(0)
                assert [await granted(bare), await granted(bare)] == [1, 2]
                assert server.held() == 1

    host_support.run(loop, scenario())


@on_both_loops
def test_grants_may_arrive_in_pieces(loop: str) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            locks = UnixLocks(theirs)
            await locks.start()
            waits = [asyncio.create_task(locks(dialog).__aenter__()) for dialog in (ALICE, BOB)]
            await asyncio.sleep(0)
            for byte in struct.pack("!QQQ", 99, 2, 1):  # 99: a request that it has left
                ours.sendall(bytes([byte]))
                await asyncio.sleep(0)
            async with asyncio.timeout(60):
                await asyncio.gather(*waits)
            await locks.close()

    host_support.run(loop, scenario())


@on_both_loops
def test_a_client_that_reads_nothing_is_not_read_from_and_its_end_frees_its_locks(loop: str) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with await bare_client(server) as bare:
                bare.sendall(frame(1, b"test:alice"))
                await eventually(lambda: server.held() == 1)
                # Takes and leaves for ever, until the socket is full in both directions.
                turns = b"".join(frame(n, b"test:bob") + frame(n) for n in range(2, 1000))
                sent = 0
                full = 0
                while full < 50:  # in a row, with time for the server in between
                    try:
                        sent += bare.send(turns[sent % len(turns) :])
                        full = 0
                    except BlockingIOError:
                        full += 1
                    await asyncio.sleep(0.001)
                    assert sent < 10_000_000, "the server reads and buffers without end"
                waiting = asyncio.create_task(locks(ALICE).__aenter__())
                await eventually(lambda: server.waiting() >= 1)
            async with asyncio.timeout(60):
                await waiting

    host_support.run(loop, scenario())


def test_a_client_with_too_many_requests_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maxbot.locks.server.MAX_REQUESTS", 3)

    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with pytest.raises(LockLost):
                await hold(forever, *(locks(Dialog("test", str(number))) for number in range(4)))
            await eventually(lambda: server.clients() == 0)

    asyncio.run(scenario())


def test_a_name_longer_than_a_platforms_is_refused_to_its_own_task_only() -> None:
    async def scenario() -> None:
        async with connected(1) as (_, [locks]):
            with pytest.raises(ValueError, match="longer than 4096 bytes"):
                await locks(Dialog("test", "x" * MAX_NAME)).__aenter__()
            async with locks(Dialog("test", "\ud800" * 200)):
                pass

    asyncio.run(scenario())


def test_freeing_a_client_with_many_requests_for_one_dialog_takes_no_time() -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            with await bare_client(server) as bare:
                for start in range(0, 50_000, 1000):
                    await asyncio.get_running_loop().sock_sendall(
                        bare, b"".join(frame(n, b"test:alice") for n in range(start, start + 1000))
                    )
                await eventually(lambda: server.waiting() == 49_999)
                waiting = asyncio.create_task(locks(ALICE).__aenter__())
                await eventually(lambda: server.waiting() == 50_000)
            async with asyncio.timeout(60):
                await waiting

    asyncio.run(scenario())
