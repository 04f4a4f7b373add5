"""Nothing that is done to the log stops the bot, or its stop."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.clients import lines, say, serve
from tests.support.processes import PATIENCE, Server, eventually, get

pytestmark = pytest.mark.faults

MESSAGES = 300
"""Each fails with a traceback of about a kilobyte, and a pipe holds 64."""


@contextmanager
def run(server: Server, shell: str = "", stderr: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server's command with another stderr; kill what is left of it."""
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", *server._command] if shell else server._command
    process = subprocess.Popen(command, env=server._environment, stderr=stderr, start_new_session=True)
    try:
        eventually(lambda: get(server.port, "/health/ready") == 200)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("workers", [2, 0])
def test_a_reader_that_stalls_stops_neither_the_bot_nor_its_stop(tmp_path: Path, workers: int) -> None:
    """Given a log in a pipe that nobody reads (`| less`), when the bot fails at every message, everybody is answered,
    and a signal is heard."""
    reader, writer = os.pipe()
    server = serve(tmp_path, "-vv", "--shutdown-timeout", "5", workers=workers)
    try:
        with run(server, stderr=writer) as process:
            os.close(writer)
            for number in range(MESSAGES):
                assert say(server.port, f"user{number % 50}", f"sleep no-number-{number}") == 200
            assert say(server.port, "ada", "hello") == 200
            eventually(lambda: "ada hello" in lines(tmp_path / "sent"))
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            assert time.monotonic() - began < 20
    finally:
        os.close(reader)


@pytest.mark.parametrize("workers", [2, 0])
@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full", ">&- 2>&- <&-"])
def test_without_a_log_the_bot_runs(tmp_path: Path, workers: int, shell: str) -> None:
    server = serve(tmp_path, workers=workers)
    with run(server, shell) as process:
        assert say(server.port, "ada", "hello") == 200
        eventually(lambda: "ada hello" in lines(tmp_path / "sent"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_without_stderr_the_log_is_on_stdout(tmp_path: Path) -> None:
    server = serve(tmp_path)
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *server._command]
    with subprocess.Popen(command, env=server._environment, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: get(server.port, "/health/ready") == 200)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE)
    assert f"The bot listens on http://127.0.0.1:{server.port} with 2 workers" in said


def test_failures_of_everybody_are_told_a_few_times_and_counted(tmp_path: Path) -> None:
    with serve(tmp_path, workers=1) as server:
        server._expect_tracebacks = True
        for number in range(200):
            assert say(server.port, f"user{number}", f"sleep no-number-{number}") == 200
        eventually(lambda: "more like this" in server.log)
        assert server.log.count("Traceback") < 100


def test_what_a_channel_cannot_send_is_said_at_the_start(tmp_path: Path) -> None:
    bot = tmp_path / "bot.py"
    bot.write_text(
        """from typing import Annotated

import msgspec
from maxbot import MaxBot

builder = MaxBot.builder()


@builder.command("poster")
class Poster(msgspec.Struct):
    title: Annotated[str, msgspec.Meta(extra={'markup': 'markup'})]


builder.use_file_resources(__file__.replace("bot.py", "bot.yaml"))
bot = builder.build()
"""
    )
    (tmp_path / "bot.yaml").write_text(
        "channels: {web: {}}\ndialog: [{condition: true, response: '<poster><title>x</title></poster>'}]\n"
    )
    with Server.maxbot(bot, tmp_path / "log", database=tmp_path / "bot.db") as server:
        eventually(lambda: "bot.yaml:2: web cannot send <poster>" in server.log)
