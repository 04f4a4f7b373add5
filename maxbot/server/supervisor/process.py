"""One worker process as its supervisor sees it: born, watched, told, ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from maxbot.board import Board, SuspectList, anonymous_memory
from maxbot.server.plan import Plan
from maxbot.server.supervisor import signals
from maxbot.server.supervisor.control import (
    Control,
    Failed,
    Ready,
    Registered,
    Start,
    Stop,
    ToSupervisor,
    ToWorker,
    Whisper,
)

STACKS_WAIT = 0.3
"""Seconds that a hanging worker gets to write where it hangs."""

LAST_WORDS = 0.1
"""Seconds to hear what a worker said before it ended: no more than a child of the bot's that keeps its socket open."""

HOME = os.getcwd()
"""Where the run was started. By the time a worker is born it may be gone, or another directory of that name."""


class WorkerProcess:
    """A worker. Its start costs the time to import everything, so it is born early and told what to do later.

    Args:
        name: For the log.
        listeners: The listening sockets it shares.
        suspects: What no worker may run as if nothing had happened.
    """

    def __init__(self, name: str, listeners: list[socket.socket], suspects: SuspectList) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.bot = Ready()
        """What it has found the bot to be, once it is ready."""
        self.registered = False
        self.quarantine = False
        """Whether it takes nothing in."""
        self.failure: str | None = None
        """Why it could not serve, in its own words."""
        self.status: int | None = None
        """Exit status, negative for a signal; None while it lives."""
        self.born_at = time.monotonic()
        self.last_beat = time.monotonic()
        self.stopping = False
        self.explained = False
        """Whether it died of something that is not run by its successor."""
        self.board = Board.new()
        self._suspects = suspects.descriptor
        self._listeners = [listener.fileno() for listener in listeners]
        self._stacks = anonymous_memory("maxbot-stacks")
        self._control_socket, control = socket.socketpair()
        self.locks_socket, locks = socket.socketpair()
        self._locks = locks.fileno()
        with control, locks:
            self._process = _spawn(
                [str(control.fileno()), str(self._stacks), str(os.getpid()), name],
                [
                    control.fileno(),
                    locks.fileno(),
                    self._stacks,
                    self.board.descriptor,
                    self._suspects,
                    *self._listeners,
                ],
            )
        self.pid = self._process.pid
        self._control: Control | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def start(self, plan: Plan, heard: Callable[["WorkerProcess", ToSupervisor], None], *, first: bool) -> None:
        """Tell it what to serve, and begin to listen to it.

        Args:
            plan: For the worker.
            heard: Called with what it says, beyond its signs of life.
            first: Whether nobody has served in this run yet.
        """
        self._control = await Control.open(self._control_socket, ToSupervisor)
        self._control.send(
            Start(
                self.name,
                plan,
                self._listeners,
                self._locks,
                self.board.descriptor,
                self._suspects,
                first=first,
                quarantine=self.quarantine,
            )
        )
        self._hearing = asyncio.create_task(self._hear(heard))

    async def _hear(self, heard: Callable[["WorkerProcess", ToSupervisor], None]) -> None:
        assert self._control is not None
        while message := await self._control.receive():
            self.last_beat = time.monotonic()
            match message:
                case Ready():
                    self.bot = message
                    self.ready.set()
                case Failed():
                    self.failure = message.reason
                case Registered():
                    self.registered = True
            heard(self, message)

    def tell(self, message: ToWorker) -> None:
        """Say something to it."""
        if self._control is not None:
            self._control.send(message)

    def whisper(self, message: Whisper) -> None:
        """Tell it what it need not hear."""
        if self._control is not None:
            self._control.send_lightly(message)

    def stop(self, linger: float) -> None:
        """Ask it to finish and end. One that does not serve yet has nothing to finish."""
        self.stopping = True
        if self.ready.is_set():
            self.tell(Stop(linger))
        else:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)

    def watch(self, ended: Callable[["WorkerProcess"], None]) -> None:
        """Have `ended` called once the process is gone and its last words are heard."""
        loop = asyncio.get_running_loop()
        if sys.platform == "linux":
            handle = os.pidfd_open(self.pid)

            def gone() -> None:
                loop.remove_reader(handle)
                os.close(handle)
                self.status = self._process.poll()
                self._burying = asyncio.create_task(self._bury(ended))

            loop.add_reader(handle, gone)
        else:

            def look() -> None:
                self.status = self._process.poll()
                if self.status is None:
                    loop.call_later(0.1, look)
                else:
                    self._burying = asyncio.create_task(self._bury(ended))

            look()

    async def _bury(self, ended: Callable[["WorkerProcess"], None]) -> None:
        if self._hearing is not None:
            await asyncio.wait([self._hearing], timeout=LAST_WORDS)
            self._hearing.cancel()
        if self._control is not None:
            self._control.close()
        self.ended.set()
        ended(self)
        os.close(self._stacks)
        self.board.close()

    def abandon(self) -> None:
        """Let go of a process that was never told anything: it ends by itself as its control socket closes."""
        self._control_socket.close()
        self.locks_socket.close()
        os.close(self._stacks)
        self.board.close()
        self._process.wait()

    def age(self) -> float:
        """Seconds since it was born."""
        return time.monotonic() - self.born_at

    async def stacks(self) -> str:
        """Return what each of its threads is doing, as text; works with a blocked event loop."""
        if self.status is None:
            before = os.lseek(self._stacks, 0, os.SEEK_END)
            os.kill(self.pid, signal.SIGQUIT)
            await asyncio.sleep(STACKS_WAIT)
        if self.status is not None:  # it may end while it is asked
            return f"(nowhere: it has ended {how(self.status)})"
        os.lseek(self._stacks, before, os.SEEK_SET)
        return os.read(self._stacks, 2**20).decode(errors="replace").rstrip() or "(it shows no stacks yet)"


def how(status: int | None) -> str:
    """Say how a process ended, by its exit status."""
    if status is None:
        return "unnoticed"
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal
        return f"by signal {-status}"


def _spawn(arguments: list[str], descriptors: list[int]) -> subprocess.Popen[bytes]:
    """Start a worker that inherits these descriptors and nothing else, with its signals blocked."""
    # The worker finds modules where this process does, whatever the current directory is by then.
    environment = {
        **os.environ,
        "MAXBOT_PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONPATH": os.pathsep.join(os.path.join(HOME, path) for path in sys.path if path),
    }
    signals.block()
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "maxbot.server.worker", *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            env=environment,
            cwd=HOME if Path(HOME).is_dir() else None,
        )
    finally:
        signals.unblock()
