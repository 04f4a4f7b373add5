"""HTTP for calls to platforms, straight to their hosts: requests are written here, `http.py` does the rest."""

from maxbot.channels.http import Connections, Response
from maxbot.errors import OutcomeUnknown

_PORTS = {"http": 80, "https": 443}


class Direct:
    """Calls to one host. Made in the event loop that uses it.

    Args:
        scheme: `http` or `https`.
        host: Name or address.
        port: None for the usual one.
        keep_alive: Seconds for which an unused connection is kept.
        body_limit: Bytes of a response's body.
    """

    def __init__(self, scheme: str, host: str, port: int | None, *, keep_alive: float, body_limit: int) -> None:
        name = host.encode("idna").decode() if not host.isascii() else host
        shown = f"[{name}]" if ":" in name else name
        self._host = f"{shown}:{port}" if port and port != _PORTS[scheme] else shown
        self._known: tuple[dict[str, str] | None, str] = (None, "")
        self._connections = Connections(
            name,
            port or _PORTS[scheme],
            tls=scheme == "https",
            keep_alive=keep_alive,
            body_limit=body_limit,
        )

    def _lines(self, headers: dict[str, str]) -> str:
        """Return headers as they travel; the ones used last are kept, as nearly all calls have the same."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (("Host", self._host), *headers.items()))
        self._known = headers, lines
        return lines

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def send(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        timeout: float,
        connect_timeout: float,
    ) -> Response:
        """Send a request once.

        Args:
            method: `GET` or `POST`.
            target: Path and query, percent-encoded.
            headers: Beside those that say where to and how long the body is. Not changed from then on.
            body: None for none.
            timeout: Seconds for all of it, until the last byte of the response.
            connect_timeout: Seconds for name resolution, connection and TLS together.

        Raises:
            RetryLater: No connection: nothing was sent.
            OutcomeUnknown: The request may have left, and no usable response came in time.
        """
        lines = self._known[1] if self._known[0] is headers else self._lines(headers)
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        request = f"{method} {target} HTTP/1.1\r\n{lines}{length}\r\n".encode("latin-1") + (body or b"")
        response = await self._connections.request(request, timeout=timeout, connect_timeout=connect_timeout)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise OutcomeUnknown("The response is encoded in a way that was not asked for")
        return response
