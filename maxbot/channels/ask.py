"""Calls to servers that a bot or a user names: one request, one response, and only to addresses that may be asked.

A host's name is resolved once, its addresses are checked, and the connection goes to one of those: a name that resolves
to something else a moment later changes nothing. Redirects are not followed, so that there is no second address.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from aiohappyeyeballs import AddrInfoType

from maxbot.channels.http import Connections, Response

BODY_LIMIT = 1024 * 1024
"""Bytes of a response, where the caller says nothing else."""

_NAT64 = ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


class Timeout(NamedTuple):
    """Seconds."""

    connect: float = 5.0
    """For name resolution, connection and TLS."""
    answer: float = 5.0
    """For sending, and until the last byte of the response."""


class Request(NamedTuple):
    """What is asked."""

    method: str
    url: str
    """With its query; `http` or `https`."""
    headers: Mapping[str, str]
    body: bytes = b""


class _Checked(Connections):
    """Connections to a host, if it is one that may be asked."""

    def __init__(self, url: SplitResult, public_only: bool, body_limit: int) -> None:
        port = url.port or _PORTS[url.scheme]
        super().__init__(url.hostname or "", port, tls=False, keep_alive=0.0, body_limit=body_limit)
        self._tls = _authorities() if url.scheme == "https" else None
        self._public_only = public_only

    async def _addresses(self) -> list[AddrInfoType]:
        addresses = await super()._addresses()
        if not self._public_only:
            return addresses
        public = [address for address in addresses if is_public(str(address[4][0]))]
        if public:
            return public
        raise OSError(0, "the address is not public, and the configuration does not name this server")


async def ask(request: Request, timeout: Timeout, *, public_only: bool, body_limit: int = BODY_LIMIT) -> Response:
    """Send a request on a connection of its own.

    Args:
        request: What to ask.
        timeout: How long to wait.
        public_only: Whether the host may only have addresses that everybody in the internet could reach.
        body_limit: Bytes of the response's body.

    Raises:
        ValueError: The request cannot be sent: a wrong URL, or a header with a line break.
        RetryLater: No connection, or none is allowed: nothing was sent.
        OutcomeUnknown: It may have arrived, and no usable response came in time.
    """
    url = urlsplit(request.url)
    if url.scheme not in _PORTS or not url.hostname:
        raise ValueError("only addresses with http:// or https:// and a host can be asked")
    connections = _Checked(url, public_only, body_limit)
    try:
        return await connections.request(
            _head(request, url) + request.body,
            timeout=timeout.connect + timeout.answer,
            connect_timeout=timeout.connect,
        )
    finally:
        await asyncio.shield(connections.close())


def is_public(address: str) -> bool:
    """Return whether everybody in the internet could reach an address: not this machine, not a private network."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@cache
def _authorities() -> ssl.SSLContext:
    return ssl.create_default_context()  # takes some 20 ms


def _head(request: Request, url: SplitResult) -> bytes:
    host = f"[{url.hostname}]" if url.hostname and ":" in url.hostname else url.hostname
    target = quote(url.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{_query(url.query)}" if url.query else "")
    headers = {
        "Host": f"{host}:{url.port}" if url.port else str(host),
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(request.body)),
        **request.headers,
    }
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(not line.isprintable() for line in lines):
        raise ValueError("a method, address or header has a control character in it")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "strict")


def _query(query: str) -> str:
    return quote(query, safe="/%:@!$&'()*+,;=~-._?")
