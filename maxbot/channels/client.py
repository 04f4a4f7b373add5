"""A thin HTTP client for platforms' APIs: JSON or forms out, bytes in, and a clear word about what became of it."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from maxbot.channels.base import CONNECTIONS
from maxbot.errors import OutcomeUnknown, RetryLater

RESPONSE_LIMIT = 16 * 1024 * 1024
"""Bytes of a response; Telegram's largest, 100 long messages with what they reply to, has less."""

CONNECT_TIMEOUT = 10.0
"""Seconds for name resolution, connection and TLS together; less where the whole call has little more."""

KEEP_ALIVE = 4.0
"""Seconds for which an unused connection is kept.

A server may close a connection in the moment in which a request is sent on it, and nobody can know whether it read
that request first. So we give up connections before servers do: Node.js and uvicorn after 5 seconds, nginx after 75.
https://nodejs.org/api/http.html#serverkeepalivetimeout, https://www.uvicorn.org/settings/#timeouts,
https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout
"""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Response(NamedTuple):
    """What the API answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """Their names in any case."""


class ApiClient:
    """Calls one API. Made in the event loop that uses it.

    No error names the URL or a header, nor is it chained to one that does: a URL may have a token in it.

    Args:
        base_url: `http://` or `https://`, host and perhaps a path; no slash at its end.
        timeout: Seconds for a whole call, from when it has a connection until the last byte of its response.
        connections: How many calls are made at a time; others wait for their turn, in order.
        headers: Sent with each request, like `Authorization`.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float,
        *,
        connections: int = CONNECTIONS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._base_url = base_url
        self._turns = asyncio.Semaphore(connections)
        self._timeout = _client_timeout(timeout)
        self._encode = msgspec.json.Encoder().encode
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            # Without a limit of its own: waiting for a turn must not use up the time for connecting.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", **(headers or {})},
            skip_auto_headers=("User-Agent", "Accept"),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post_json(self, path: str, payload: Any, *, timeout: float | None = None) -> Response:
        """Send a POST request with JSON. It is never repeated and follows no redirect, as all of this client.

        Args:
            path: Appended to the base URL, percent-encoded where it needs to be; of a small set, as URLs are kept.
            payload: What msgspec can encode as JSON.
            timeout: Seconds, for this call only.

        Raises:
            RetryLater: No connection: nothing was sent.
            OutcomeUnknown: The request may have left, and no usable response came in time.
        """
        return await self._call("POST", self._url(path), timeout, self._encode(payload), JSON)

    async def post_form(self, path: str, fields: Mapping[str, str], *, timeout: float | None = None) -> Response:
        """Send a POST request with a form; see `post_json`."""
        return await self._call("POST", self._url(path), timeout, urlencode(fields).encode(), FORM)

    async def get(self, path: str, query: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Response:
        """Send a GET request; see `post_json`."""
        url = self._url(path)
        if query:
            url = URL(f"{url}?{urlencode(query)}", encoded=True)
        return await self._call("GET", url, timeout)

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self._base_url + path, encoded=True)
        return url

    async def _call(
        self, method: str, url: URL, timeout: float | None, body: bytes | None = None, media_type: str | None = None
    ) -> Response:
        limits = self._timeout if timeout is None else _client_timeout(timeout)
        headers = {"Content-Type": media_type} if media_type else None
        failure: RetryLater | OutcomeUnknown
        async with self._turns:
            try:
                async with self._session.request(
                    method, url, data=body, headers=headers, timeout=limits, allow_redirects=False
                ) as response:
                    content = await _read(response)
                if content is not None:
                    return Response(response.status, content, response.headers)
                failure = OutcomeUnknown(f"The response is larger than {RESPONSE_LIMIT} bytes")
            except aiohttp.ClientConnectorError as error:
                failure = RetryLater(f"No connection: {_reason(error)}")
            except aiohttp.ConnectionTimeoutError:
                failure = RetryLater("No connection in time")
            except TimeoutError:
                failure = OutcomeUnknown("No response in time")
            except (aiohttp.ClientError, OSError) as error:
                failure = OutcomeUnknown(f"The connection was lost ({type(error).__name__})")
        # Outside of the handlers: an error of aiohttp has the URL in it, and would become the context of ours.
        raise failure


def _client_timeout(seconds: float) -> aiohttp.ClientTimeout:
    # Less for connecting than for the whole, so that it is known which of them ran out. aiohttp rounds timeouts over
    # its threshold up to whole seconds, which would let small differences vanish.
    return aiohttp.ClientTimeout(total=seconds, connect=min(CONNECT_TIMEOUT, seconds / 2), ceil_threshold=float("inf"))


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the body; None if it is over the limit, of which not much more is read."""
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > RESPONSE_LIMIT:
            response.close()
            return None
    return b"".join(chunks)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    """Return why there is no connection, in words that come from this machine."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host's name is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the server's certificate is not valid"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS failed"
    return error.os_error.strerror or type(error.os_error).__name__
