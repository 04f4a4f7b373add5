"""Secrets stay where they are, whatever happens and however much is logged."""

import os
import signal
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.e2e.support import SECRET, TOKEN, post, serve, update_of, wait_until_done
from tests.support import FULL
from tests.support.processes import Server, eventually, get
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

CANARIES = [TOKEN.encode(), SECRET.encode()]
HEADER = "X-Telegram-Bot-Api-Secret-Token"
HOSTILE = ["{{ config }}", "</text><script>", "a line\nWARNING forged", "\x1b[2J", "%s %(token)s"]


def shown(folder: Path, server: Server) -> dict[str, bytes]:
    """Return everything that somebody else may see: files, and what `ps` shows."""
    found = {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for process in server.family():
        try:
            found[f"ps of {process.pid}"] = " ".join(process.cmdline()).encode()
        except psutil.NoSuchProcess:
            continue
    return found


def test_no_secret_is_in_the_log_the_database_or_the_list_of_processes(tmp_path: Path) -> None:
    """3 rounds, full 60, of hostile texts, refused secrets, stacks and kills, with all details in the log."""
    rounds, number = (60 if FULL else 3), 0
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, "-vv", workers=2) as server:
        for turn in range(rounds):
            for text in HOSTILE:
                number += 1
                update = update_of(number, 1, f"{text} {turn}")
                assert post(server.port, update, {HEADER: SECRET}) == 200
                for wrong in (SECRET[:-1], SECRET + "x", ""):
                    assert post(server.port, update, {HEADER: wrong}) == 401
            server.signal(signal.SIGQUIT)
            eventually(lambda turn=turn: server.log.count("is here:") > 2 * turn, 60)  # type: ignore[misc]
            os.kill(server.workers()[0].pid, signal.SIGKILL)
            eventually(lambda: len(server.workers()) == 2 and get(server.port, "/health/ready") == 200, 60)
        wait_until_done(tmp_path)
        before = shown(tmp_path, server)
        assert server.stop() == 0
        for place, content in (before | shown(tmp_path, server)).items():
            for canary in CANARIES:
                assert canary not in content, f"{canary!r} in {place}"
    assert len(server.log) > 1000
