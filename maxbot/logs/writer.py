"""Writes the log in a thread of its own: whoever logs waits for no disk, no terminal and no reader of a pipe."""

import contextlib
import os
import signal
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

ROOM = 2 * 1024 * 1024
"""Bytes of lines that wait to be written; what is more is dropped and counted."""

PATIENCE = 0.5
"""Seconds that an end waits for what is still to be written: nobody may be reading."""

SILENCE = 60.0
"""Seconds between two complaints about a log that cannot be written."""

TICK = 1.0
"""Seconds between two calls of `tick`."""

_STDERR = 2


class Writer:
    """Writes each line with one `write`, so that those of several processes do not mix.

    Args:
        descriptor: Open for appending.
        say: Makes a line of what the writer itself has to say.
        tick: Called from the writer's thread after each line and `tick_soon`, and every second while it returns True.
    """

    def __init__(self, descriptor: int, say: Callable[[str], bytes], tick: Callable[[], bool]) -> None:
        self._descriptor = descriptor
        self._say = say
        self._tick = tick
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._complained_at = float("-inf")
        self._busy = False
        self._closing = False
        self._gave_up = False
        self._forked = False
        self._thread: threading.Thread | None = None
        # Its lock may be taken again by a signal handler that logs while this thread holds it.
        self._changed = threading.Condition()
        _writers.add(self)

    def put(self, line: bytes) -> None:
        """Have a line written, or dropped where too many wait already. Never waits."""
        with self._changed:
            if self._closing or self._forked or not self._has_thread():
                self._write(line)
            elif self._size + len(line) > ROOM and self._lines:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._size += len(line)
                self._changed.notify_all()

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more, or the interpreter is ending
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        # A signal is the main thread's: this one may be waiting for a reader.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ticks = False
        while True:
            with self._changed:
                if not self._lines and not self._closing:
                    self._changed.wait(TICK if ticks else None)
                if not self._lines and self._closing:
                    return
                line = self._take()
            if line is not None:
                self._write(line)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
            ticks = self._tick()

    def _take(self) -> bytes | None:
        if not self._lines:
            return None
        line = self._lines.popleft()
        self._size -= len(line)
        self._busy = True
        return line

    def _write(self, line: bytes) -> None:
        with self._changed:
            dropped, self._dropped = self._dropped, 0
        try:
            if dropped:
                _write_all(self._descriptor, self._say(f"{dropped} lines were dropped"))
                dropped = 0
            _write_all(self._descriptor, line)
        except OSError as error:
            with self._changed:
                self._dropped += dropped + 1
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        """Say, where it can be said and not too often, that there is no log."""
        if self._descriptor == _STDERR or time.monotonic() - self._complained_at < SILENCE:
            return
        self._complained_at = time.monotonic()
        with contextlib.suppress(OSError):
            _write_all(_STDERR, self._say(f"The log cannot be written: {error.strerror}"))

    def tick_soon(self) -> None:
        """Have `tick` called."""
        with self._changed:
            self._changed.notify_all()

    def flush(self, timeout: float = PATIENCE) -> None:
        """Wait until all is written, but no longer than `timeout` seconds; who did not read then is waited for once."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._lines and not self._busy, 0.0 if self._gave_up else timeout)
            self._gave_up = not done

    def close(self) -> None:
        """Write what is left, if that is soon done, and end."""
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(0.0 if self._gave_up else PATIENCE)
        # A thread that still waits for a reader has the descriptor: it must not become something else's number.
        if self._descriptor > _STDERR and (self._thread is None or not self._thread.is_alive()):
            os.close(self._descriptor)

    def after_fork(self) -> None:
        """In a process that the bot's code forked: there is no thread, and what waited is the parent's to write."""
        self._changed = threading.Condition()
        self._lines.clear()
        self._size = 0
        self._dropped = 0
        self._busy = False
        self._forked = True
        self._thread = None


def _write_all(descriptor: int, line: bytes) -> None:
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except BlockingIOError:  # somebody made it non-blocking: a terminal shared with another program
            time.sleep(0.05)


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in _writers:
        writer.after_fork()


os.register_at_fork(after_in_child=_after_fork)
