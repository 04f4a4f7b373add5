"""Calls to hosts that a platform names: where to put a file, where to ask for news."""

import re
from urllib.parse import urlsplit

from maxbot.channels.client import ApiClient
from maxbot.errors import RetryLater

_URL = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(?:[/?][!-~]*)?\Z")

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
        origin = self._origin(url)
        client = self._clients.pop(origin, None) or ApiClient(origin, self._timeout, connections=self._connections)
        self._clients[origin] = client  # the one used last is the last
        if len(self._clients) > MOST_HOSTS:
            await self._clients.pop(next(iter(self._clients))).close()
        return client, url.removeprefix(origin)

    @staticmethod
    def _origin(url: str) -> str:
        found = _URL.match(url)
        try:
            good = found is not None and urlsplit(url).port != 0
        except ValueError:
            good = False
        if found is None or not good:
            raise RetryLater("The platform named a URL that cannot be called")
        return found[1]

    async def close(self) -> None:
        """Close all connections."""
        while self._clients:
            await self._clients.popitem()[1].close()
