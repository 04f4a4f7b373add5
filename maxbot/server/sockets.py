"""The sockets that all workers listen on."""

import errno
import socket

from maxbot.errors import StartError, UsageError


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind every address of a host name, without listening yet: clients are refused until a worker is ready.

    Args:
        host: A name or an address.
        port: 0 takes any free one, the same for all addresses.

    Raises:
        StartError: The port is in use, or not ours to take.
        UsageError: The host is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise UsageError(f"--host {host}: {error.strerror}") from None
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            listener = socket.socket(family, kind, protocol)
        except OSError as error:  # the machine has no IPv6
            failure = error
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
            failure = error
            if error.errno != errno.EADDRNOTAVAIL:
                break
        else:
            sockets.append(listener)
    if failure is not None and (not sockets or failure.errno in (errno.EADDRINUSE, errno.EACCES)):
        for listener in sockets:
            listener.close()
        raise _explain(failure, host, port)
    return sockets


def _explain(error: OSError, host: str, port: int) -> StartError | UsageError:
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
    """Whether others than this machine can reach a host's address."""
    if host == "":
        return True
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return any(not (str(entry[4][0]).startswith("127.") or entry[4][0] == "::1") for entry in found)
