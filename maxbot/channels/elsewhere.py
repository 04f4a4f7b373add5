"""Calls to hosts that a platform names: where to put a file, where to ask for news."""

from urllib.parse import urlsplit

from maxbot.channels.client import ApiClient
from maxbot.errors import RetryLater

MOST_HOSTS = 10
"""Hosts that are known at a time; a platform has a few."""


class Elsewhere:
    """A client for each host. No credentials go there.

    Args:
        timeout: Seconds for a call.
        connections: How many at a time, to one host.
    """

    def __init__(self, timeout: float, connections: int) -> None:
        self._timeout = timeout
        self._connections = connections
        self._clients: dict[str, ApiClient] = {}

    async def at(self, url: str) -> tuple[ApiClient, str]:
        """Return the client for the host of a URL, and the rest of the URL for it.

        Raises:
            RetryLater: It is none that can be called.
        """
        try:
            parts = urlsplit(url)
            origin = f"{parts.scheme}://{parts.netloc}"
            if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
                raise ValueError
            client = self._clients.pop(origin, None) or ApiClient(
                origin, self._timeout, connections=self._connections
            )
        except ValueError:
            client = None
        if client is None:
            raise RetryLater("The platform named a URL that cannot be called")
        while len(self._clients) >= MOST_HOSTS:
            await self._clients.pop(next(iter(self._clients))).close()
        self._clients[origin] = client  # the one used last is the last
        return client, url.removeprefix(origin).replace(" ", "%20")

    async def close(self) -> None:
        """Close all connections."""
        while self._clients:
            await self._clients.popitem()[1].close()
