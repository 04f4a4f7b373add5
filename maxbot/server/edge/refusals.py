"""What is answered to a request that is refused, and how much is said of it."""

import logging
from collections import Counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ExceptionHandler, Receive, Scope, Send

from maxbot.errors import RequestError, StorageError, StorageUnavailable, Unauthorized

logger = logging.getLogger(__name__)

RETRY_AFTER = 5
"""Seconds after which a platform may deliver again what could not be stored."""


class Refusals:
    """Answers errors, and counts them. What any scanner of the internet asks for is not worth a line."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        """Requests that were refused, by status."""

    def handlers(self) -> dict[type[Exception], ExceptionHandler]:
        """Return what Starlette is to call for each kind of error."""
        return {
            HTTPException: self._http,
            RequestError: self._request,
            StorageUnavailable: self._unavailable,
            StorageError: self._unavailable,
            ClientDisconnect: self._gone,
        }

    async def answer(self, request: Request, error: Exception) -> Response | None:
        """Answer an error where Starlette does not; None for one that is nobody's but ours."""
        handlers = self.handlers()
        handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
        return None if handler is None else await handler(request, error)  # type: ignore[misc, arg-type]

    def say(self) -> None:
        """Log how many there were."""
        if self.counts:
            counted = ", ".join(f"{count} with {status}" for status, count in sorted(self.counts.items()))
            logger.info("Requests refused since the start: %s", counted)

    async def _http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self._note(request, error.status_code, error.detail)
        kind = TooLarge if error.status_code == 413 else PlainTextResponse
        return kind(f"{error.detail}\n", error.status_code, error.headers)

    async def _request(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        self._note(request, error.status, str(error))
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
        return PlainTextResponse(f"{error}\n", error.status, headers)

    def _note(self, request: Request, status: int, reason: str) -> None:
        self.counts[status] += 1
        level = logging.DEBUG if status in (404, 405) else logging.WARNING
        client = request.client.host if request.client else "unknown"
        path = request.scope["path"][:100]
        logger.log(level, "Refused %s %s from %s: %d %s", request.method, path, client, status, reason)

    async def _unavailable(self, request: Request, error: Exception) -> Response:
        """Nothing was stored, and the platform must not think so: it delivers again."""
        if not isinstance(error, StorageUnavailable):  # which the database has said itself
            logger.error("A request could not be stored: %s", error)
        return PlainTextResponse("The database is not available\n", 503, {"Retry-After": str(RETRY_AFTER)})

    async def _gone(self, request: Request, error: Exception) -> Response:
        logger.debug("A client left before its request was complete")
        return PlainTextResponse("", 400)


class TooLarge(PlainTextResponse):
    """An answer to somebody who is still sending: whose connection is closed meanwhile sees that and no answer.

    So the rest is read and forgotten, within the limits of size and time that the server has for each request.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        while (message := await receive())["type"] == "http.request" and message.get("more_body"):
            pass
        await send({"type": "http.response.body", "body": b""})
