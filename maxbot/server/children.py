"""What a process that the bot's code forks must not take along: our port, our clients, our way of hearing signals."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Sequence

_ours: list[Callable[[], Iterable[int]]] = []


def keep_from_children(descriptors: Callable[[], Iterable[int]]) -> None:
    """Have descriptors closed in every child that this process forks (`os.fork`, `multiprocessing`).

    A child that lives on would keep the port from the next run, and clients waiting for what nobody answers.

    Args:
        descriptors: Called in the child; returns those that are open then, and perhaps some below zero.
    """
    if not _ours:
        os.register_at_fork(after_in_child=_let_go)
    _ours.append(descriptors)


def keep_listeners(listeners: Sequence[socket.socket]) -> None:
    """Have the listeners closed in every child that this process forks, as long as they are open here."""
    keep_from_children(lambda: [listener.fileno() for listener in listeners])


def shut(listeners: Sequence[socket.socket]) -> None:
    """Have nobody listen any more, whoever holds the listeners open: a child that was not forked by Python does."""
    for listener in listeners:
        # Where nobody has listened yet, or the system knows no such thing, closing it is all there is to do.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _let_go() -> None:
    for descriptors in _ours:
        for number in descriptors():
            with contextlib.suppress(OSError):
                os.close(number)
    # A signal to the child is not for our event loop, which is the parent's. Ctrl-C reaches the whole group: what the
    # parent still finishes may need the child.
    with contextlib.suppress(ValueError):  # not the main thread
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
