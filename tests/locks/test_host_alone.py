"""A worker that is alone gives out the locks by itself, and hands them back when another one comes."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.errors import LockLost
from maxbot.locks.host import UnixLocks
from maxbot.locks.server import LockServer
from maxbot.testing.locks import ALICE, BOB
from maxbot.types import Dialog
from tests.locks import host_support
from tests.locks.host_support import LOOPS, connected, eventually

on_both_loops = pytest.mark.parametrize("loop", LOOPS)


async def join(server: LockServer, name: str) -> UnixLocks:
    ours, theirs = socket.socketpair()
    await server.serve(ours, name)
    locks = UnixLocks(theirs)
    await locks.start()
    return locks


@asynccontextmanager
async def alone() -> AsyncIterator[tuple[LockServer, UnixLocks]]:
    """A server and the one client, which knows that it is alone."""
    async with connected(1, delegates=True) as (server, (locks,)):
        await eventually(lambda: locks._alone)
        yield server, locks


@on_both_loops
def test_who_is_alone_asks_nobody(loop: str) -> None:
    async def scenario() -> None:
        async with alone() as (server, locks):
            async with locks(ALICE), locks(BOB):
                await asyncio.sleep(0.01)
                assert server.held() == 0
            async with locks(ALICE):  # and it is free again
                pass
            assert not locks._given

    host_support.run(loop, scenario())


@on_both_loops
def test_what_was_given_out_is_kept_from_the_second_one(loop: str) -> None:
    async def scenario() -> None:
        async with alone() as (server, first):
            came: list[str] = []

            async def want(locks: UnixLocks, name: str) -> None:
                async with locks(ALICE):
                    came.append(name)

            async with first(ALICE):
                waits = asyncio.create_task(want(first, "first again"))
                await asyncio.sleep(0)
                second = await join(server, "second")
                other = asyncio.create_task(want(second, "second"))
                async with second(BOB):  # nobody has it: it comes as soon as all is handed back
                    assert server.held() == 2
                await asyncio.sleep(0.02)
                assert came == []
            await asyncio.gather(waits, other)
            assert came == ["first again", "second"]
            await second.close()
            await eventually(lambda: first._alone)

    host_support.run(loop, scenario())


@on_both_loops
def test_the_death_of_the_one_that_was_alone_frees_what_it_had(loop: str) -> None:
    """Also where it does not hand back: it hangs, or dies in that moment."""

    async def scenario() -> None:
        server = LockServer(delegates=True)
        ours, theirs = socket.socketpair()
        client = await server.serve(ours, "hangs")
        second = await join(server, "second")
        wanted = asyncio.create_task(second(ALICE).__aenter__())
        cancelled = asyncio.create_task(second(BOB).__aenter__())
        await asyncio.sleep(0.02)
        assert not wanted.done(), "who is alone may have given it out"
        cancelled.cancel()
        await asyncio.sleep(0.02)
        theirs.close()
        await wanted
        await eventually(lambda: server.clients() == 1)
        assert (server.held(), server.waiting()) == (1, 0)
        client.close()
        await second.close()

    host_support.run(loop, scenario())


@on_both_loops
def test_who_was_alone_and_loses_the_connection_loses_what_it_gave_out(loop: str) -> None:
    async def scenario() -> None:
        async with alone() as (server, locks):

            async def hold() -> None:
                async with locks(ALICE):
                    server.close()
                    await asyncio.Event().wait()

            async def wait() -> None:
                async with locks(ALICE):
                    pass

            holds, waits = asyncio.create_task(hold()), asyncio.create_task(wait())
            for task in (holds, waits):
                with pytest.raises(LockLost):
                    await task

    host_support.run(loop, scenario())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nobody_is_ever_inside_with_another_one(seed: int) -> None:
    """Clients come and go while tasks of all of them want a few dialogs, and some are cancelled."""
    chance = random.Random(seed)
    dialogs = [Dialog("test", str(number)) for number in range(3)]
    inside: dict[Dialog, int] = dict.fromkeys(dialogs, 0)
    entered = 0

    async def want(locks: UnixLocks) -> None:
        nonlocal entered
        dialog = chance.choice(dialogs)
        try:
            async with locks(dialog):
                assert inside[dialog] == 0, "two are inside"
                inside[dialog] += 1
                try:
                    for _ in range(chance.randrange(4)):
                        await asyncio.sleep(0)
                finally:
                    inside[dialog] -= 1
                entered += 1
        except LockLost:
            pass

    async def scenario() -> None:
        server = LockServer(delegates=True)
        clients = [await join(server, "first")]
        tasks: list[asyncio.Task[None]] = []
        for step in range(60):
            match chance.randrange(8):
                case 0 if len(clients) < 3:
                    clients.append(await join(server, f"of step {step}"))
                case 1 if len(clients) > 1:
                    await clients.pop(chance.randrange(len(clients))).close()
                case 2 if tasks:
                    chance.choice(tasks).cancel()
                case 3:
                    await asyncio.sleep(0.001)
                case _:
                    tasks.append(asyncio.create_task(want(chance.choice(clients))))
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [one for one in outcomes if one is not None and not isinstance(one, asyncio.CancelledError)]
        for dialog in dialogs:  # and all are free
            async with asyncio.timeout(20), clients[-1](dialog):
                pass
        for client in clients:
            await client.close()
        await eventually(lambda: server.clients() == 0)
        assert (server.held(), server.waiting()) == (0, 0)

    asyncio.run(scenario())
