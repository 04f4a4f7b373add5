"""Starts the real command, watches its processes, ends it; and waits for what takes time without sleeping for luck."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self, TypeVar

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]

PATIENCE = 120.0
"""Seconds that something may take on a busy machine before it counts as not happening."""

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout: float = PATIENCE, pause: float = 0.01) -> T:
    """Call `condition` every `pause` seconds until it returns something true, and return that.

    An `AssertionError` in it counts as not yet.

    Raises:
        AssertionError: It did not within `timeout` seconds; its own one, where it had one.
    """
    deadline = time.monotonic() + timeout
    while True:
        failure: AssertionError | None = None
        try:
            if result := condition():
                return result
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"not within {timeout} s; the last answer was {result!r}")
        time.sleep(pause)


_ports = itertools.count(os.getpid() * 997)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody uses, and that nobody will be given until it is used.

    It is none of those that the system gives to connections (32768 and above). Each process has its own row of them.

    Source: https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
    """
    for number in _ports:
        port = 12_000 + number % 20_000
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("the numbers do not end")


def get(port: int, path: str, timeout: float = 10.0) -> int | None:
    """Return the status of a GET on 127.0.0.1, or None where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


class Server:
    """A server in a process group and session of its own, as a terminal or an init system would start it.

    `with` waits until it is ready; the end of it stops the server, if the test has not, and checks that it left no
    process and no traceback behind. The check is left out when the test has failed already.

    Args:
        command: What to run; `maxbot` makes it for the real command.
        port: Where it will serve.
        log: File that gets its output, added to what is there.
        environment: Added to this process's own.
        ready: Path that answers 200 when all is up.
        expect_tracebacks: For bots that raise on purpose.
        folder: Its current directory.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        ready: str = "/health/ready",
        start_timeout: float = PATIENCE,
        expect_tracebacks: bool = False,
        folder: Path = ROOT,
    ) -> None:
        self._folder = folder
        self.port = port
        self._command = list(command)
        self._log = log
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._ready = ready
        self._start_timeout = start_timeout
        self._expect_tracebacks = expect_tracebacks
        self._seen: dict[int, psutil.Process] = {}
        self.start_up = 0.0
        """Seconds from exec until it was ready."""

    @classmethod
    def maxbot(
        cls,
        bot: Path | str,
        log: Path,
        *options: str,
        workers: int = 1,
        database: Path | str | None = None,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        expect_tracebacks: bool = False,
    ) -> Self:
        """`python -m maxbot run` on a free port of 127.0.0.1, with webhooks; the bot is a file or `module:name`."""
        port = port or free_port()
        command = [sys.executable, "-m", "maxbot", "run", "--bot", str(bot), "--updater", "webhooks"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
        if database is not None:
            command += ["--database", database if isinstance(database, str) else f"sqlite:///{database}"]
        command += options
        return cls(command, port, log, environment=environment, expect_tracebacks=expect_tracebacks)

    def start(self) -> None:
        """Start the process; `wait_ready` waits for the rest."""
        self._started = time.monotonic()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.main = psutil.Process(self._process.pid)

    def wait_ready(self) -> None:
        """Wait for the readiness path to answer 200.

        Raises:
            AssertionError: The process ended, or was not ready in time; with its log.
        """
        deadline = time.monotonic() + self._start_timeout
        while get(self.port, self._ready) != 200:
            assert self._process.poll() is None, f"ended with status {self._process.returncode}:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready after {self._start_timeout} s:\n{self.log}"
            time.sleep(0.005)
        self.start_up = time.monotonic() - self._started
        self.children()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative after a signal that nobody caught."""
        return self._process.poll()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def children(self) -> list[psutil.Process]:
        """Return all descendants that live now; what has ended and not been waited for is not among them."""
        try:
            children = [child for child in self.main.children(recursive=True) if _lives(child)]
        except psutil.NoSuchProcess:
            return []
        self._seen |= {child.pid: child for child in children}
        return children

    def workers(self) -> list[psutil.Process]:
        """Return those that serve: children of the supervisor without the quarantine, which comes and goes, and without
        the helper that Python's own multiprocessing starts (its resource tracker)."""
        return [child for child in self.children() if _is_worker(child, self.pid)]

    def family(self) -> list[psutil.Process]:
        """Return the main process and all its descendants that live now."""
        return [self.main, *self.children()] if _lives(self.main) else self.children()

    def cpu(self) -> float:
        """Return the CPU seconds, user and system, of the whole family, and of those of it that were waited for."""
        total = 0.0
        for process in self.family():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def pss(self) -> dict[int, int]:
        """Return bytes of memory for each process of the family, shared pages counted in proportion.

        Source: https://docs.kernel.org/filesystems/proc.html (smaps_rollup)
        """
        return {process.pid: _pss(process.pid) for process in self.family()}

    def signal(self, signum: int) -> None:
        """Send a signal to the main process alone, as `kill` and init systems do."""
        self._process.send_signal(signum)

    def signal_group(self, signum: int) -> None:
        """Send a signal to every process of the group, as a terminal does at Ctrl-C."""
        self.children()
        os.killpg(self.pid, signum)

    def kill(self) -> None:
        """`kill -9` of the main process alone, and wait for its end."""
        self.children()
        self._process.kill()
        self._process.wait(PATIENCE)

    def kill_all(self) -> None:
        """`kill -9` of everything, as the machine's power cut would, except that the files' pages live on."""
        family = self.family()
        for process in family:
            if _lives(process):
                process.kill()
        self._process.wait(PATIENCE)
        # Whoever inherits the orphans may take a second to bury them.
        eventually(lambda: not any(_lives(process) for process in family))

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the end of the main process and return its status."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {timeout} s:\n{self.log}") from None

    def stop(self, timeout: float = PATIENCE) -> int:
        """SIGTERM to the main process, if it lives; wait for its end and return its status."""
        self.children()
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait(timeout)

    def left_over(self) -> list[psutil.Process]:
        """Return the processes that were seen as descendants, or are in the group, and live still."""
        group = [process for process in psutil.process_iter() if _group(process) == self.pid]
        everybody = {process.pid: process for process in [*self._seen.values(), *group]}
        return [process for process in everybody.values() if process.pid != self.pid and _lives(process)]

    def assert_gone(self, timeout: float = 10.0) -> None:
        """Check that no process is left after the end of the main one."""
        eventually(lambda: not self.left_over(), timeout)

    def assert_no_traceback(self) -> None:
        assert "Traceback (most recent call last)" not in self.log, self.log

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, error: object, *_: object) -> None:
        try:
            if error is None:
                self.stop()
                self.assert_gone()
                if not self._expect_tracebacks:
                    self.assert_no_traceback()
        finally:
            self._end()

    def _end(self) -> None:
        """Whatever happened, leave nothing running."""
        self.children()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE)
        for process in self.left_over():
            if _lives(process):
                process.send_signal(signal.SIGCONT)
                process.kill()


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_worker(process: psutil.Process, supervisor: int) -> bool:
    try:
        command = process.cmdline()
        helps = "resource_tracker" in " ".join(command) or command[-1:] == ["quarantine"]
        return bool(process.ppid() == supervisor and not helps)
    except psutil.NoSuchProcess:  # it has ended since; a zombie is that too
        return False


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    (line,) = [line for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) * 1024
