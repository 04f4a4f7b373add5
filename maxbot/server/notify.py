"""Tell systemd how the service does, where it asks: `Type=notify`, `WatchdogSec=`.

One datagram a message to the socket in `NOTIFY_SOCKET`. Source:
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import asyncio
import contextlib
import os
import socket
import time

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


def notify(state: str) -> None:
    """Say something to the service manager; nothing happens where there is none, or it does not listen.

    Args:
        state: Lines of `NAME=VALUE`, as above.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), address)


def reloading() -> str:
    """Return what to say before the workers are replaced, with the clock that systemd compares."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_interval() -> float | None:
    """Return how often, in seconds, the service manager wants to hear from this process; None if it does not.

    A third of its limit, so that one late sign of life is no death.

    Source: https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html
    """
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        limit = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    except ValueError:
        return None
    return limit / 3 if limit > 0 else None


async def feed_watchdog() -> None:
    """Give signs of life from the event loop itself, as often as the service manager wants them; else return."""
    interval = watchdog_interval()
    while interval is not None:
        notify(WATCHDOG)
        await asyncio.sleep(interval)
