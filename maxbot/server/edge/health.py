"""What an orchestrator asks: is the process alive, is it ready for traffic."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from maxbot.errors import StorageError
from maxbot.server.edge.part import Part
from maxbot.server.edge.refusals import RETRY_AFTER
from maxbot.storage.store import Store

DATABASE_TIMEOUT = 2.0
"""Seconds within which the database must answer."""


class Health(Part):
    """Answers `GET /health/live` and `GET /health/ready` of one worker.

    Args:
        store: Must answer for the worker to be ready.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.stopping = False
        """Whether nobody should send traffic here any more, though it is served still."""

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
        ]

    async def live(self, request: Request) -> Response:
        """200 for as long as the event loop runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """200 if webhooks can be accepted now; 503 with the reason otherwise."""
        if self.stopping:
            return _not_ready("stopping")
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                await self._store.ping()
        except (StorageError, TimeoutError):
            return _not_ready("the database does not answer")
        return JSONResponse({"status": "ready"})


def _not_ready(status: str) -> Response:
    return JSONResponse({"status": status}, 503, {"Retry-After": str(RETRY_AFTER)})
