"""Signals, from the first line of our code on. Imports nothing slow, as it comes before everything that is.

until the loop runs   SIGINT, SIGTERM: exit at once, nothing was accepted yet; SIGHUP: ignored
                      SIGQUIT: ignored, as there are no stacks to show yet
supervisor            SIGINT, SIGTERM: stop (SIGTERM after --drain-delay), a second one: at once;
                      SIGHUP: replace the workers; SIGQUIT: show stacks
worker                SIGINT, SIGHUP (the terminal sends them to the whole group): ignored; SIGTERM: stop;
                      SIGQUIT: write stacks where the supervisor reads them
"""

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

STOPPING = (signal.SIGINT, signal.SIGTERM)
CONTROLLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HELD_BACK = (*CONTROLLED, signal.SIGQUIT)
"""SIGQUIT asks for stacks: a worker that cannot show any yet must not die of it."""

_PR_SET_PDEATHSIG = 1


def install_early() -> None:
    """Until the supervisor's loop takes the signals over: a stop is simply the end."""
    for number in STOPPING:
        signal.signal(number, _leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)


def block() -> None:
    """Hold signals back: for a worker's birth."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)


def unblock() -> None:
    """Let signals come again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)


def ignore(loop: "AbstractEventLoop") -> None:
    """In the last moments of a process that has stopped already: whatever comes, and in whichever thread, is late.

    Ignored rather than held back, as each thread holds back for itself; and set so that the end of the event loop, and
    that of the interpreter, do not undo it.
    """
    block()
    for number in HELD_BACK:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    unblock()


def ignore_until_ready() -> None:
    """In a worker, born with its signals held back: let them come, and none of them be Python's."""
    for number in HELD_BACK:
        signal.signal(number, signal.SIG_IGN)
    unblock()


def die_with(supervisor: int) -> None:
    """Have the kernel end this process with its supervisor, even if its event loop is blocked by then.

    Args:
        supervisor: Process id of the parent; if that is gone already, so is this process.
    """
    if sys.platform == "linux":
        import ctypes

        # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(0)


def terminal_is_gone(had_terminal: bool) -> bool:
    """Whether a SIGHUP means that the terminal was closed, rather than that somebody asks for new workers.

    Args:
        had_terminal: Whether standard error was a terminal at the start.
    """
    return had_terminal and not sys.stderr.isatty()
