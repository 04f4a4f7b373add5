"""Asks servers, and remembers answers where a service says for how long."""

import asyncio
from time import monotonic
from typing import Any, Literal
from weakref import WeakKeyDictionary

import msgspec

from maxbot.channels.ask import ask
from maxbot.channels.http import Response
from maxbot.errors import OutcomeUnknown, RetryLater, TurnError
from maxbot.extensions.rest.services import Call, Services

CACHE_LIMIT = 1000
"""Answers that are remembered; of more the oldest go."""


class Answer:
    """`rest` of a template: `ok`, and where a response came `status_code` and `json`."""

    ok: bool
    status_code: int
    json: Any

    def __init__(self, response: Response | None = None) -> None:
        self.ok = response is not None and response.status < 300
        if response is not None:
            self.status_code = response.status
            self.json = (_json(response.body) or {}) if self.ok else {}


class RestClient:
    """Makes the calls of one bot's templates.

    Args:
        services: The servers of the configuration.
        tidy_every: Seconds after which answers that are too old are dropped.
    """

    def __init__(self, services: Services, tidy_every: float) -> None:
        self._services = services
        self._tidy_every = tidy_every
        self._tidied = monotonic()
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._cache: dict[Any, tuple[float, Response]] = {}

    async def call(self, *, on_error: Literal["break_flow", "continue"] = "break_flow", **arguments: Any) -> Answer:
        """Ask a server; see the reference for the arguments.

        Raises:
            TurnError: The request cannot be made. With `break_flow` also: no answer, or one that is no success.
        """
        response: Response | None = None
        try:
            call = self._services.call(arguments)
            response = await self._response(call)
            reason = f"status {response.status}"
        except (RetryLater, OutcomeUnknown) as error:
            reason = error.reason
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise TurnError(f"the request cannot be made: {error}") from None
        answer = Answer(response)
        if on_error != "continue" and not answer.ok:
            raise TurnError(f"{call.request.method} failed: {reason}")
        return answer

    async def _response(self, call: Call) -> Response:
        if not call.cache:
            return await self._ask(call)
        key = (*call.request[:2], tuple(sorted(call.request.headers.items())), call.request.body)
        now = monotonic()
        until, kept = self._cache.get(key, (now, None))
        if kept is not None and until > now:
            return kept
        response = await self._ask(call)
        if response.status < 300 and _json(response.body) is not None:
            self._keep(key, now + float(call.cache), response)
        return response

    async def _ask(self, call: Call) -> Response:
        places = self._places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._services.most_at_once))
        try:
            await asyncio.wait_for(places.acquire(), call.timeout.connect)
        except TimeoutError:
            raise RetryLater("No free connection in time") from None
        try:
            return await ask(call.request, call.timeout, public_only=call.public_only)
        finally:
            places.release()

    def _keep(self, key: Any, until: float, response: Response) -> None:
        self._cache.pop(key, None)
        self._cache[key] = until, response
        now = monotonic()
        if now - self._tidied >= self._tidy_every:
            self._tidied = now
            self._cache = {key: kept for key, kept in self._cache.items() if kept[0] > now}
        while len(self._cache) > CACHE_LIMIT:
            del self._cache[next(iter(self._cache))]


def _json(body: bytes) -> Any:
    """Return what a body says as JSON, None if it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
