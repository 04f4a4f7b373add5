"""A worker process as its supervisor sees it."""

import asyncio
import os
import subprocess
import sys

import pytest

from maxbot.board import SuspectList
from maxbot.server.supervisor import process as module
from maxbot.server.supervisor.control import Beat, Failed, encode
from maxbot.server.supervisor.process import WorkerProcess, how
from tests.server.plans import plan

SPEAKS_AND_DIES = """
import socket, sys
said = bytes.fromhex(sys.argv[2])
control = socket.socket(fileno=int(sys.argv[1]))
control.recv(1)
control.sendall(said)
"""


def test_the_last_words_are_heard_before_the_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told of the death knows the reason: else it counts as one without words, and is tried for ever."""
    said = (encode(Beat()) * 500 + encode(Failed("no such table"))).hex()

    def spawn(arguments: list[str], descriptors: list[int]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-S", "-E", "-c", SPEAKS_AND_DIES, arguments[0], said]
        return subprocess.Popen(command, pass_fds=descriptors)

    monkeypatch.setattr(module, "_spawn", spawn)

    async def die() -> str | None:
        process = WorkerProcess("worker-1", [], SuspectList.new())
        reasons: list[str | None] = []
        await process.start(plan(), lambda process, message: None, first=True)
        process.watch(lambda process: reasons.append(process.failure))
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - words and death are to come at once
        await process.ended.wait()
        process.locks_socket.close()
        return reasons[0]

    for _ in range(5):
        assert asyncio.run(die()) == "no such table"


def test_the_status_of_any_signal_can_be_said() -> None:
    """A real-time signal has no name; a supervisor that looked for it once ended with all its workers."""
    assert [how(status) for status in (-9, -40, 3, None)] == [
        "by SIGKILL",
        "by signal 40",
        "with status 3",
        "unnoticed",
    ]
