"""Whom a request is meant for: `Host` is checked, so that no page of another site reaches a bot on somebody's desk.

A page can have its own name resolve to 127.0.0.1 ("DNS rebinding"); the browser then sends its requests here, and
still names the page's host.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the supervisor makes the list, and serves no requests
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

ANY = "*"

MOST_SEEN = 100
"""Values of the header that are kept in mind: a name may come in other letters, and with any port."""


class AllowedHosts:
    """An application in front of another one.

    Args:
        app: Gets what is meant for it.
        hosts: Names and addresses, without ports, in lower case; `*` for all.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._seen: set[bytes] = set()
        """Values of the header that are known to be right."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to what is meant for somebody else."""
        host = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                break
        if host in self._seen or self._is_ours(host):
            await self._app(scope, receive, send)
            return
        from starlette.responses import PlainTextResponse

        assert host is not None
        shown = name_of(host.decode("latin-1"))[:100]
        logger.warning("Refused a request for host %s: if it is this bot's, add it with --allowed-hosts", shown)
        response = PlainTextResponse("This host is not served here\n", 421)
        await response(scope, receive, send)

    def _is_ours(self, host: bytes | None) -> bool:
        if host is None:  # no browser, but a probe of health or a client of HTTP/1.0
            return True
        is_ours = ANY in self._hosts or name_of(host.decode("latin-1")) in self._hosts
        if is_ours and len(self._seen) < MOST_SEEN:
            self._seen.add(host)
        return is_ours


def name_of(host: str) -> str:
    """Return a host without its port, in lower case; an IPv6 address stays in its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        address, end, _ = host.partition("]")
        return address + end
    return host.partition(":")[0].rstrip(".")
