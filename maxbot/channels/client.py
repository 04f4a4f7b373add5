"""A thin HTTP client for platforms' APIs: JSON or forms out, bytes in, and a clear word about what became of it."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from maxbot.channels.base import CONNECTIONS
from maxbot.channels.direct import Direct
from maxbot.channels.http import Response

logger = logging.getLogger(__name__)

RESPONSE_LIMIT = 25 * 1024 * 1024
"""Bytes of a response; Telegram's largest, a user's file, has 20 MB."""

CONNECT_TIMEOUT = 10.0
"""Seconds for name resolution, connection and TLS together; less where the whole call has little more."""

KEEP_ALIVE = 4.0
"""Seconds for which an unused connection is kept.

A server may close a connection in the moment in which a request is sent on it, and nobody can know whether it read
that request first. So we give up connections before servers do: Node.js and uvicorn after 5 seconds, nginx after 75.
https://nodejs.org/api/http.html#serverkeepalivetimeout, https://www.uvicorn.org/settings/#timeouts,
https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout
"""

SILENCE = 60.0
"""Seconds between two log lines about calls that wait for a connection."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ApiClient:
    """Calls one API. Made in the event loop that uses it.

    No error names the URL or a header, nor is it chained to one that does: a URL may have a token in it.

    Args:
        base_url: `http://` or `https://`, host and perhaps a path; no slash at its end. Where the environment names a
            proxy for it (`HTTPS_PROXY` and its kin), calls go through that.
        timeout: Seconds for a whole call, from when it has a connection until the last byte of its response.
        connections: How many calls are made at a time; others wait for their turn, in order.
        headers: Sent with each request, like `Authorization`.

    Raises:
        ValueError: A header, or the URL, cannot be sent; the text does not repeat it.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float,
        *,
        connections: int = CONNECTIONS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path
        self._turns = asyncio.Semaphore(connections)
        self._most = connections
        self._said_at = float("-inf")
        self._timeout = timeout
        self._encode = msgspec.json.Encoder().encode
        common = {"Accept-Encoding": "identity", **(headers or {})}
        if not all(_sendable(line) for line in (base_url, *(f"{name}{value}" for name, value in common.items()))):
            raise ValueError("a URL or header has a character that cannot be sent")
        self._common = common
        self._headers = {kind: {**common, "Content-Type": kind} for kind in (JSON, FORM)} | {None: common}
        self._host = host = parts.hostname or ""
        if _has_proxy(parts.scheme, host):
            from maxbot.channels.proxied import Proxied  # it costs more than all the rest

            self._transport: Direct | Any = Proxied(
                f"{parts.scheme}://{parts.netloc}", keep_alive=KEEP_ALIVE, body_limit=RESPONSE_LIMIT
            )
        else:
            self._transport = Direct(parts.scheme, host, parts.port, keep_alive=KEEP_ALIVE, body_limit=RESPONSE_LIMIT)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def post_json(self, path: str, payload: Any, *, timeout: float | None = None) -> Response:
        """Send a POST request with JSON. It is never repeated and follows no redirect, as all of this client.

        Args:
            path: Appended to the base URL, percent-encoded where it needs to be.
            payload: What msgspec can encode as JSON.
            timeout: Seconds, for this call only.

        Raises:
            RetryLater: No connection: nothing was sent.
            OutcomeUnknown: The request may have left, and no usable response came in time.
            ValueError: The path has a character that cannot be sent.
        """
        return await self._call("POST", path, timeout, self._encode(payload), JSON)

    async def post_form(self, path: str, fields: Mapping[str, str], *, timeout: float | None = None) -> Response:
        """Send a POST request with a form; see `post_json`."""
        return await self._call("POST", path, timeout, urlencode(fields).encode(), FORM)

    async def post_bytes(self, path: str, body: bytes, media_type: str) -> Response:
        """Send a POST request with bytes of any kind; see `post_json`."""
        return await self._call("POST", path, None, body, media_type)

    async def get(self, path: str, query: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Response:
        """Send a GET request; see `post_json`."""
        return await self._call("GET", f"{path}?{urlencode(query)}" if query else path, timeout)

    async def _call(
        self, method: str, path: str, timeout: float | None, body: bytes | None = None, media_type: str | None = None
    ) -> Response:
        target = self._path + path or "/"
        if not _TARGET.fullmatch(target):
            raise ValueError("the path has a character that needs to be percent-encoded")
        headers = self._headers.get(media_type) or {**self._common, "Content-Type": str(media_type)}
        seconds = self._timeout if timeout is None else timeout
        # Less for connecting than for the whole, so that it is known which of them ran out.
        connect = min(CONNECT_TIMEOUT, seconds / 2)
        if self._turns.locked():
            self._say_tight()
        async with self._turns:
            response: Response = await self._transport.send(
                method, target, headers, body, timeout=seconds, connect_timeout=connect
            )
        return response

    def _say_tight(self) -> None:
        if time.monotonic() - self._said_at >= SILENCE:
            self._said_at = time.monotonic()
            logger.warning(
                "All %d connections to %s are in use, and calls wait for one: it is slow, or the limit of open files "
                "(ulimit -n, LimitNOFILE) is low",
                self._most,
                self._host,
            )


_TARGET = re.compile("[!-~]+")
_SENDABLE = re.compile("[\x21-\x7e\xa0-\xff]+(?: [\x21-\x7e\xa0-\xff]+)*")


def _sendable(text: str) -> bool:
    return _SENDABLE.fullmatch(text) is not None


def _has_proxy(scheme: str, host: str) -> bool:
    if host in _LOOPBACK:
        return False
    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)
