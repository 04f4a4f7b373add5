"""One worker process as its supervisor sees it: born, watched, told, ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO

from maxbot.server.plan import Plan
from maxbot.server.supervisor import signals
from maxbot.server.supervisor.control import (
    Beat,
    Control,
    Failed,
    Ready,
    Registered,
    Start,
    Stop,
    ToSupervisor,
    ToWorker,
)

STACKS_WAIT = 0.3
"""Seconds that a hanging worker gets to write where it hangs."""


class WorkerProcess:
    """A worker. Its start costs the time to import everything, so it is born early and told what to do later.

    Args:
        name: For the log.
        listeners: The listening sockets it shares.
    """

    def __init__(self, name: str, listeners: list[socket.socket]) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.registered = asyncio.Event()
        self.failure: str | None = None
        """Why it could not serve, in its own words."""
        self.status: int | None = None
        """Exit status, negative for a signal; None while it lives."""
        self.born_at = time.monotonic()
        self.last_beat = time.monotonic()
        self.stopping = False
        self._listeners = [listener.fileno() for listener in listeners]
        self._stacks: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._control_socket, control = socket.socketpair()
        self.locks_socket, locks = socket.socketpair()
        self._locks = locks.fileno()
        with control, locks:
            self._process = _spawn(
                [str(control.fileno()), str(self._stacks.fileno()), str(os.getpid())],
                [control.fileno(), locks.fileno(), self._stacks.fileno(), *self._listeners],
            )
        self.pid = self._process.pid
        self._control: Control | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def start(self, settings: Plan) -> None:
        """Tell it what to serve, and begin to listen to it."""
        self._control = await Control.open(self._control_socket, ToSupervisor)
        self._control.send(Start(self.name, settings, self._listeners, self._locks))
        self._hearing = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        assert self._control is not None
        while message := await self._control.receive():
            self.last_beat = time.monotonic()
            match message:
                case Ready():
                    self.ready.set()
                case Failed():
                    self.failure = message.reason
                case Registered():
                    self.registered.set()
                case Beat():
                    pass

    def tell(self, message: ToWorker) -> None:
        """Say something to it."""
        if self._control is not None:
            self._control.send(message)

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
        """Have `ended` called once the process is gone."""
        loop = asyncio.get_running_loop()
        if sys.platform == "linux":
            handle = os.pidfd_open(self.pid)

            def gone() -> None:
                loop.remove_reader(handle)
                os.close(handle)
                self._reap()
                ended(self)

            loop.add_reader(handle, gone)
        else:

            def look() -> None:
                if self._reap():
                    ended(self)
                else:
                    loop.call_later(0.1, look)

            look()

    def _reap(self) -> bool:
        """Note the exit status of a process that has ended; return whether it has."""
        self.status = self._process.poll()
        if self.status is None:
            return False
        self.ended.set()
        return True

    async def close(self) -> None:
        """Forget an ended process, after hearing its last words."""
        if self._hearing is not None:
            await asyncio.wait([self._hearing], timeout=1.0)
            self._hearing.cancel()
        if self._control is not None:
            self._control.close()
        self._stacks.close()

    def abandon(self) -> None:
        """Let go of a process that was never told anything: it ends by itself as its control socket closes."""
        self._control_socket.close()
        self.locks_socket.close()
        self._stacks.close()
        self._process.wait()

    def age(self) -> float:
        """Seconds since it was born."""
        return time.monotonic() - self.born_at

    async def stacks(self) -> str:
        """Return what each of its threads is doing, as text; works with a blocked event loop."""
        if self.status is None:
            before = self._stacks.seek(0, os.SEEK_END)
            os.kill(self.pid, signal.SIGQUIT)
            await asyncio.sleep(STACKS_WAIT)
        if self.status is not None:  # it may end while it is asked
            return f"(nowhere: it has ended {how(self.status)})"
        self._stacks.seek(before)
        return self._stacks.read().decode(errors="replace").rstrip() or "(it shows no stacks yet)"


def how(status: int | None) -> str:
    """Say how a process ended, by its exit status."""
    if status is None:
        return "unnoticed"
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with status {status}"


def _spawn(arguments: list[str], descriptors: list[int]) -> subprocess.Popen[bytes]:
    """Start a worker that inherits these descriptors and nothing else, with its signals blocked."""
    # The worker finds modules where this process does, whatever the current directory is by then.
    environment = {
        **os.environ,
        "MAXBOT_PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    signals.block()
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "maxbot.server.worker", *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            env=environment,
        )
    finally:
        signals.unblock()
