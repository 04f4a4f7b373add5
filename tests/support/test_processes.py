"""The handle of a server sees what is left behind, and leaves nothing behind itself."""

import signal
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.support.processes import Server, eventually, free_port, get

SERVER = """
import http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("hello", flush=True)
try:
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
finally:
    child.kill(); child.wait()
"""

CATCH = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"


def server(tmp_path: Path, program: str) -> Server:
    port = free_port()
    return Server([sys.executable, "-c", "import sys\n" + program, str(port)], port, tmp_path / "log")


def test_a_server_that_ends_well(tmp_path: Path) -> None:
    with server(tmp_path, CATCH + SERVER) as running:
        assert get(running.port, "/health/ready") == 200
        (worker,) = running.workers()
        assert [child.pid for child in running.children()] == [worker.pid]
        assert 0 < running.start_up < 10
        assert running.cpu() > 0
        assert set(running.pss()) == {running.pid, worker.pid}
        assert all(size > 1_000_000 for size in running.pss().values())
        assert running.log == "hello\n"
        assert running.stop() == 0
    assert not psutil.pid_exists(worker.pid)


def test_an_orphan_is_found_and_ended(tmp_path: Path) -> None:
    running = server(tmp_path, SERVER)
    running.start()
    running.wait_ready()
    (orphan,) = running.children()
    running.kill()
    assert [process.pid for process in running.left_over()] == [orphan.pid]
    with pytest.raises(AssertionError):
        running.__exit__(None)
    eventually(lambda: not orphan.is_running())


def test_a_traceback_is_found(tmp_path: Path) -> None:
    broken = SERVER.replace('print("hello", flush=True)', "import traceback\ntry: 1/0\nexcept: traceback.print_exc()")
    with pytest.raises(AssertionError, match="ZeroDivisionError"), server(tmp_path, CATCH + broken):
        pass


def test_a_server_that_does_not_start_is_said_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no such thing"), server(tmp_path, "sys.exit('no such thing')"):
        pass


def test_a_signal_to_the_group_reaches_the_children(tmp_path: Path) -> None:
    with server(tmp_path, SERVER) as running:
        (child,) = running.children()
        running.signal_group(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        eventually(lambda: not child.is_running())


def test_eventually_returns_what_is_true_and_says_what_never_was() -> None:
    answers = iter([0, 0, 7])
    assert eventually(lambda: next(answers)) == 7
    with pytest.raises(AssertionError, match="the last answer was 0"):
        eventually(lambda: 0, timeout=0.05)

    def fails() -> bool:
        raise AssertionError("my own reason")

    with pytest.raises(AssertionError, match="my own reason"):
        eventually(fails, timeout=0.05)


def test_nobody_answers_on_a_free_port() -> None:
    assert get(free_port(), "/") is None
