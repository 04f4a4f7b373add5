"""The locks of the supervisor, used by real processes that are also killed."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from maxbot.locks.server import LockServer
from maxbot.types import Dialog
from tests.locks.host_support import LOOPS, connected, eventually, run

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def worker(server: LockServer, *arguments: str) -> AsyncIterator[Process]:
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.locks.worker", str(theirs.fileno()), *arguments),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    await server.serve(ours, f"process {process.pid}")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def says(process: Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return await process.stdout.readline()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_what_a_killed_process_held_and_waited_for_is_free_within_a_second(loop: str, stopped: bool) -> None:
    async def scenario() -> None:
        async with connected(1) as (server, [locks]):
            async with worker(server, "hold", "1", "2", "3") as victim:
                assert await says(victim) == b"holds\n"
                async with worker(server, "hold", "4", "1") as waiter, AsyncExitStack() as stack:
                    await eventually(lambda: server.waiting() == 1)
                    await stack.enter_async_context(worker(server, "hold", "5", "1", "6"))
                    await eventually(lambda: server.waiting() == 2)
                    if stopped:
                        victim.send_signal(signal.SIGSTOP)
                    killed_at = time.monotonic()
                    victim.kill()
                    assert await says(waiter) == b"holds\n"  # first come: not the one behind it
                    for user in ("2", "3"):
                        async with locks(Dialog("test", user)):
                            pass
                    assert time.monotonic() - killed_at < 20
                    waiter.kill()
                    await eventually(lambda: server.held() == 3)  # 5, 1 and 6: the last one got in
            await eventually(lambda: server.clients() == 1)
            assert server.held() == 0

    run(loop, scenario())


@pytest.mark.parametrize("loop", LOOPS)
def test_ten_thousand_messages_of_five_users_in_two_processes_never_overlap(loop: str) -> None:
    async def scenario() -> None:
        async with connected(0) as (server, _), AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(worker(server, "work", "5", "1000")) for _ in range(2)]
            for process in workers:
                assert await says(process) == b"ready\n"
            async with asyncio.timeout(60):
                printed = await asyncio.gather(*(process.communicate(b"go\n") for process in workers))
            assert [process.returncode for process in workers] == [0, 0]
            histories = [json.loads(output) for output, _ in printed]
        assert [len(history) for history in histories] == [5000, 5000]
        starts = [history[0][1] for history in histories]
        assert max(starts) < min(history[-1][2] for history in histories), "they did not run at the same time"
        for user in range(5):
            spans = sorted(span[1:] for history in histories for span in history if span[0] == user)
            for (_, ended), (began, _) in pairwise(spans):
                assert ended <= began, f"two messages of user {user} overlapped"

    run(loop, scenario())


def test_a_lock_server_leaves_no_file_descriptor_behind() -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"))

    async def scenario() -> None:
        async with connected(3):
            pass
        before = open_files()
        for _ in range(3):
            async with connected(3) as (_, clients):
                await clients[0].close()
        assert open_files() == before

    asyncio.run(scenario())
