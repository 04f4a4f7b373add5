"""What an orchestrator asks: is the process alive, is it ready for traffic."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maxbot.errors import StorageError
from maxbot.storage.store import Store

DATABASE_TIMEOUT = 2.0
"""Seconds within which the database must answer."""


class Health:
    """Answers `GET /health/live` and `GET /health/ready` of one worker.

    Args:
        store: Must answer for the worker to be ready.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.stopping = False

    async def live(self, request: Request) -> Response:
        """200 for as long as the event loop runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """200 if webhooks can be accepted now; 503 with the reason otherwise."""
        if self.stopping:
            return JSONResponse({"status": "stopping"}, 503)
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                await self._store.ping()
        except (StorageError, TimeoutError):
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ready"})
