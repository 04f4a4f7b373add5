"""File descriptors are a budget: each connection is one, and a process has only so many.

limit = RESERVE + backlog (about to be accepted) + calls (to platforms) + clients (connections that are open)
"""

import contextlib
import resource
from typing import NamedTuple

from maxbot.errors import StartError

RESERVE = 32
"""For the database, the log, the control connection, and what the bot itself opens."""

HIGHEST = 65_536
"""More are not planned with: a kernel may allow a billion."""

FEWEST = 4

OF_A_WORKER = 6
"""What a worker costs its supervisor: its control connection, its output, its locks. While it is replaced there are
two of it."""


class Budget(NamedTuple):
    """How many descriptors of a process are for what."""

    limit: int
    backlog: int
    """Connections that wait to be accepted: all of them may be, before the first is looked at."""
    calls: int
    """Connections to platforms."""
    clients: int
    """Connections of clients."""


def raise_limit() -> None:
    """Take as many descriptors as the system lets this process have, and its children after it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def check_limit(workers: int) -> None:
    """Make sure that the limit is one to work with.

    Args:
        workers: How many; 0 for a single process.

    Raises:
        StartError: It is too low.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = RESERVE + max(3 * FEWEST, 2 * OF_A_WORKER * workers)
    if limit != resource.RLIM_INFINITY and limit < needed:
        kind = f"{workers} worker{'s' * (workers > 1)}" if workers else "a single process"
        raise StartError(
            f"The system allows {limit} open files a process: {kind} cannot start with fewer than {needed}, and its "
            "clients take more. Raise the limit: ulimit -n 1024, or LimitNOFILE= of systemd"
        )


def budget(limit: int | None = None) -> Budget:
    """Share the descriptors of this process out.

    Args:
        limit: How many there are; None asks the system.
    """
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limit = HIGHEST if limit == resource.RLIM_INFINITY else min(limit, HIGHEST)
    backlog = max(FEWEST, min(2048, limit // 8))
    rest = max(2 * FEWEST, limit - RESERVE - backlog)
    return Budget(limit, backlog, rest // 2, rest - rest // 2)
