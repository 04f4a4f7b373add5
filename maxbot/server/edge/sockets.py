"""The sockets that all workers listen on."""

import errno
import socket
from typing import Any

from maxbot.errors import StartError, UsageError

ANY_PORT_ATTEMPTS = 20
"""With several addresses, a port that is free on the first may be in use on the next."""


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind every address of a host name, without listening yet: clients are refused until a worker is ready.

    Args:
        host: A name or an address; empty for all addresses of the machine.
        port: 0 takes any free one, the same for all addresses.

    Raises:
        StartError: The port is in use, or not ours to take.
        UsageError: The host is not this machine's.
    """
    attempts = 1 if port else ANY_PORT_ATTEMPTS
    while True:
        attempts -= 1
        try:
            return _bind_all(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not attempts:
                raise explain(error, host, port) from None


def _bind_all(host: str, port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, address in _addresses(host):
        try:
            listener = socket.socket(family, kind, protocol)
        except OSError as error:  # the machine has no IPv6
            missing = error
            continue
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # With port 0 the first address decides for the others.
            chosen = sockets[0].getsockname()[1] if sockets else port
            listener.bind((address[0], chosen, *address[2:]))
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRNOTAVAIL:  # that is: the machine has the family, and not this address
                for other in sockets:
                    other.close()
                raise
            missing = error
        else:
            sockets.append(listener)
    if missing is not None and not sockets:
        raise missing
    return sockets


def _addresses(host: str) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, tuple[Any, ...]]]:
    """Look a host up.

    Raises:
        UsageError: There is no such host.
    """
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a name of a host"
        raise UsageError(f"--host {host}: {reason}") from None
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in dict.fromkeys(found)]


def explain(error: OSError, host: str, port: int) -> StartError | UsageError:
    """Return what to tell the user about an address that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return StartError(
            f"Port {port} on {host} is in use: stop what listens there, or choose another one with --port"
        )
    if error.errno == errno.EACCES:
        return StartError(f"Port {port} on {host} needs more rights: choose one above 1023 with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"--host {host} is not an address of this machine")
    return StartError(f"Cannot listen on {host}:{port}: {error.strerror}")


def is_public(host: str) -> bool:
    """Whether others than this machine can reach a host's address.

    Raises:
        UsageError: There is no such host.
    """
    return any(not (str(address[0]).startswith("127.") or address[0] == "::1") for *_, address in _addresses(host))
