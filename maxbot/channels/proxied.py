"""HTTP for calls to platforms through a proxy, as the environment names it (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).

By aiohttp, which is imported for nothing else: a proxy is rare, and its ways are many.
"""

import aiohttp
from yarl import URL

from maxbot.channels.http import Response
from maxbot.errors import OutcomeUnknown, RetryLater


class Proxied:
    """Calls through a proxy. Made in the event loop that uses it.

    Args:
        origin: `https://host:port`, without a path.
        keep_alive: Seconds for which an unused connection is kept.
        body_limit: Bytes of a response's body.
    """

    def __init__(self, origin: str, *, keep_alive: float, body_limit: int) -> None:
        self._origin = origin
        self._body_limit = body_limit
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=keep_alive),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept"),
            trust_env=True,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

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
        """Send a request once; arguments, result and errors are those of `Direct.send`."""
        # aiohttp rounds timeouts over its threshold up to whole seconds, which would let small differences vanish.
        limits = aiohttp.ClientTimeout(total=timeout, connect=connect_timeout, ceil_threshold=float("inf"))
        url = URL(self._origin + target, encoded=True)
        failure: RetryLater | OutcomeUnknown
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=limits, allow_redirects=False
            ) as response:
                content = await self._read(response)
            if content is not None:
                return Response(response.status, content, response.headers)
            failure = OutcomeUnknown(f"The response is larger than {self._body_limit} bytes")
        except aiohttp.ClientConnectorError as error:
            failure = RetryLater(f"No connection: {_reason(error)}")
        except aiohttp.ClientHttpProxyError as error:
            failure = RetryLater(f"No connection: the proxy answers {error.status}")
        except aiohttp.ConnectionTimeoutError:
            failure = RetryLater("No connection in time")
        except TimeoutError:
            failure = OutcomeUnknown("No response in time")
        except (aiohttp.ClientError, OSError) as error:
            failure = OutcomeUnknown(f"The connection was lost ({type(error).__name__})")
        # Outside of the handlers: an error of aiohttp has the URL in it, and would become the context of ours.
        raise failure

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        """Return the body; None if it is over the limit, of which not much more is read."""
        chunks = []
        size = 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._body_limit:
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
