"""The log never makes anybody wait, and says what it left out."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from maxbot.logs.handler import LogHandler
from maxbot.logs.lines import Formatter
from maxbot.logs.redact import Redactor
from maxbot.logs.writer import ROOM, Writer
from tests.support.processes import eventually

SECRET = "geheim-wie-nichts"


def say(text: str) -> bytes:
    return f"[{text}]\n".encode()


class Pipe:
    """A pipe that is read only when somebody asks."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.text = b""

    def read_all(self, writer: Writer) -> str:
        os.set_blocking(self.reader, False)

        def drained() -> bool:
            try:
                while chunk := os.read(self.reader, 1 << 20):
                    self.text += chunk
            except BlockingIOError:
                pass
            writer.flush(0.01)
            return not writer._lines and not writer._busy

        eventually(drained)
        drained()
        return self.text.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.reader)


def test_who_logs_does_not_wait_for_a_reader(pipe: Pipe) -> None:
    writer = Writer(pipe.writer, say, lambda: False)
    line = b"x" * 1000 + b"\n"
    count = 2 * ROOM // len(line)

    def log_all() -> None:
        for _ in range(count):
            writer.put(line)

    done = threading.Thread(target=log_all, daemon=True)
    done.start()
    done.join(30)
    assert not done.is_alive()
    text = pipe.read_all(writer)
    writer.put(b"last\n")
    text = pipe.read_all(writer)
    whole = text.count("x" * 1000 + "\n")
    dropped = sum(int(line[1:].split()[0]) for line in text.splitlines() if line.endswith("lines were dropped]"))
    assert whole + dropped == count
    assert dropped > 0
    assert text.endswith("last\n")
    writer.close()


def test_an_end_waits_for_a_stalled_reader_once_and_shortly(pipe: Pipe) -> None:
    writer = Writer(pipe.writer, say, lambda: False)
    writer.put(b"x" * 300_000)  # a pipe holds less
    began = time.monotonic()
    writer.flush()
    writer.flush()
    writer.close()
    assert time.monotonic() - began < 20
    os.read(pipe.reader, 300_000)


def test_who_logs_in_a_signal_handler_does_not_wait_for_itself(pipe: Pipe) -> None:
    writer = Writer(pipe.writer, say, lambda: False)
    with writer._changed:  # where the handler may find the main thread
        writer.put(b"one\n")
        writer.flush()
    assert pipe.read_all(writer) == "one\n"
    writer.close()


def test_a_forked_child_logs_too_and_nothing_twice(tmp_path: Path) -> None:
    log = tmp_path / "log"
    writer = Writer(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), say, lambda: False)
    writer.put(b"parent\n")
    if (child := os.fork()) == 0:
        try:
            writer.put(b"child\n")
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.close()
    assert sorted(log.read_text().splitlines()) == ["child", "parent"]


FULL = """
import logging, sys
from maxbot.logs import configure
from maxbot.settings import Settings
configure(Settings(logger="file:/dev/full"), ["geheim-wie-nichts"], process="worker-1")
for number in range(100):
    logging.getLogger("maxbot.x").info("token %s", "geheim-wie-nichts")
"""


def test_a_log_on_a_full_disk_is_said_once_without_what_was_logged() -> None:
    ended = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr.count("\n") == 1
    assert "The log cannot be written: No space left on device" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


def test_a_record_that_cannot_be_formatted_shows_nothing_of_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    handler = LogHandler("file", descriptor, Formatter(Redactor([SECRET])))
    logger = logging.Logger("maxbot.x")
    logger.addHandler(handler)
    for _ in range(10):
        logger.info("%d", SECRET)
    handler.close()
    (line,) = log.read_text().splitlines()
    assert "A record cannot be formatted: " in line
    assert "test_writer.py, line" in line
    assert SECRET not in line
    assert capfd.readouterr().err == ""
