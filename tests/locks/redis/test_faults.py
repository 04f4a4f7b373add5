"""Redis dies, pauses, comes back with nothing; holders die and are paused."""

import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maxbot.errors import LockLost, StartError
from maxbot.locks.redis.locks import RedisLocks
from maxbot.testing.locks import ALICE
from tests.locks.redis.support import connected, eventually
from tests.support.processes import eventually as wait_until
from tests.support.redis import PASSWORD, RedisServer

LEASE = 1.0

HOLDER = Path(__file__).with_name("holder.py")


async def hold(locks: RedisLocks, until: asyncio.Event, inside: asyncio.Event | None = None) -> None:
    async with locks(ALICE):
        if inside is not None:
            inside.set()
        await until.wait()


async def get_in(locks: RedisLocks) -> float:
    """Return the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(60), locks(ALICE):
        return time.monotonic() - began


def test_a_waiter_is_woken_and_does_not_poll(shared: RedisServer) -> None:
    """With a lease of a minute, nothing but the message can end the wait within the test."""

    async def scenario() -> None:
        async with connected(shared.url, 2, lease=60.0) as [first, second]:
            for _ in range(20):
                async with first(ALICE):
                    waiter = asyncio.create_task(get_in(second))
                    await eventually(lambda: len(second) == 1)
                    await asyncio.sleep(0.02)
                    with shared.client() as client:
                        client.config_resetstat()
                        await asyncio.sleep(0.1)
                        asked = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
                    assert asked == 0, "somebody asks again and again"
                async with asyncio.timeout(60):
                    await waiter

    asyncio.run(scenario())


def test_a_lease_is_renewed_for_as_long_as_its_body_runs(shared: RedisServer) -> None:
    async def scenario() -> None:
        async with connected(shared.url, 2, lease=LEASE) as [first, second]:
            async with first(ALICE):
                waiter = asyncio.create_task(get_in(second))
                await asyncio.sleep(3 * LEASE)
                assert not waiter.done(), "a lease ended though its holder lives"
            await waiter

    asyncio.run(scenario())


def test_the_lock_of_a_process_that_was_killed_is_free_within_its_lease(shared: RedisServer) -> None:
    with holder(shared) as process:
        process.kill()
        process.wait()

        async def scenario() -> None:
            async with connected(shared.url, 1, lease=LEASE) as [locks]:
                assert await get_in(locks) < LEASE + 20.0

        asyncio.run(scenario())


def test_a_holder_that_was_paused_beyond_its_lease_is_told_so(shared: RedisServer) -> None:
    """Another one has had the dialog meanwhile; the body of the paused one is cancelled before it does anything."""
    with holder(shared) as process:
        process.send_signal(signal.SIGSTOP)

        async def scenario() -> None:
            async with connected(shared.url, 1, lease=LEASE) as [locks]:
                await get_in(locks)

        asyncio.run(scenario())
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.readline() == b"LockLost\n"


def test_a_lock_is_not_sure_any_more_when_its_time_is_over_though_nothing_was_noticed(shared: RedisServer) -> None:
    """The process was paused: its event loop has had no moment to look."""

    async def scenario() -> None:
        async with connected(shared.url, 1, lease=LEASE) as [locks], locks(ALICE) as lock:
            assert lock.is_sure()
            time.sleep(LEASE)  # noqa: ASYNC251
            assert not lock.is_sure()

    asyncio.run(scenario())


def test_redis_is_killed_and_comes_back_with_nothing(own: RedisServer) -> None:
    """Waiters get in though nobody wakes them, and who held is told: the lock may have been another one's."""

    async def scenario() -> None:
        async with connected(own.url, 2, lease=LEASE) as [first, second]:
            inside = asyncio.Event()
            held = asyncio.create_task(hold(first, asyncio.Event(), inside))
            await inside.wait()
            waiter = asyncio.create_task(get_in(second))
            await eventually(lambda: len(second) == 1)
            own.kill()
            own.start()
            await waiter
            with pytest.raises(LockLost):
                await held
            assert await get_in(first) < 20.0

    asyncio.run(scenario())


def test_while_redis_is_away_turns_wait_and_then_go_on(own: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with connected(own.url, 1, lease=LEASE) as [locks]:
            own.kill()
            waiters = [asyncio.create_task(get_in(locks)) for _ in range(10)]
            await asyncio.sleep(2 * LEASE)
            assert not any(waiter.done() for waiter in waiters)
            own.start()
            await asyncio.gather(*waiters)
            assert len(locks) == 0

    asyncio.run(scenario())
    said = [(record.levelno, record.message) for record in caplog.records]
    assert [level for level, _ in said] == [logging.ERROR, logging.WARNING], said
    assert "messages are accepted, turns wait" in said[0][1]
    assert "answers again" in said[1][1]


def test_a_redis_that_is_not_there_at_the_start_is_waited_for(own: RedisServer) -> None:
    async def scenario() -> None:
        own.kill()
        async with connected(own.url, 1) as [locks]:
            waiter = asyncio.create_task(get_in(locks))
            await asyncio.sleep(0.2)
            own.start()
            await waiter

    asyncio.run(scenario())


def test_a_body_ends_before_its_lease_when_redis_is_silent(own: RedisServer) -> None:
    async def scenario() -> None:
        async with connected(own.url, 1, lease=LEASE) as [locks]:
            inside = asyncio.Event()
            held = asyncio.create_task(hold(locks, asyncio.Event(), inside))
            await inside.wait()
            own.pause()
            began = time.monotonic()
            with pytest.raises(LockLost):
                await held
            assert time.monotonic() - began < LEASE
            own.go_on()
            assert await get_in(locks) < 10.0

    asyncio.run(scenario())


def test_a_stop_waits_for_no_redis(own: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with connected(own.url, 1) as [locks]:
            async with locks(ALICE):
                own.kill()
            began = time.monotonic()
        assert time.monotonic() - began < 5.0

    asyncio.run(scenario())
    assert "free after the lease" in caplog.text


def test_a_wrong_password_ends_the_start_and_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(requirepass=PASSWORD)
    try:
        with pytest.raises(StartError, match="does not let maxbot in") as caught:
            asyncio.run(opened(server.url.replace("redis://", "redis://:wr0ng@")))
    finally:
        server.stop()
    assert "wr0ng" not in str(caught.value) + caplog.text


def test_a_password_in_the_url_is_used_and_said_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(requirepass=PASSWORD)
    quoted = "s3cret%20of%20Redis%2F%3F%40"
    try:
        asyncio.run(opened(server.url.replace("redis://", f"redis://:{quoted}@"), server.kill))
    finally:
        server.stop()
    assert "does not answer" in caplog.text
    assert PASSWORD not in caplog.text
    assert quoted not in caplog.text


async def opened(url: str, then: Callable[[], None] = lambda: None) -> None:
    async with connected(url, 1, lease=LEASE) as [locks]:
        async with locks(ALICE):
            pass
        await locks._calls.settle()
        then()
        waiter = asyncio.create_task(get_in(locks))
        await asyncio.sleep(0.1)
        waiter.cancel()


def test_two_prefixes_share_a_redis_and_exclude_nobody(shared: RedisServer) -> None:
    async def scenario() -> None:
        url = shared.url
        async with connected(url, 1) as [one], connected(url + "?prefix=other", 1) as [other], one(ALICE), other(ALICE):
            pass

    asyncio.run(scenario())


class holder:
    """A process that holds ALICE and says when it has lost her."""

    def __init__(self, server: RedisServer) -> None:
        self._command = [sys.executable, str(HOLDER), server.url, str(LEASE)]

    def __enter__(self) -> "subprocess.Popen[bytes]":
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"inside\n"
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        wait_until(lambda: self._process.poll() is not None)
