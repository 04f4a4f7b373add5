"""What stand-ins share that take forms, files and long polls: a server whose answers go wrong as `Faults` says.

A stand-in runs in the event loop of its test:

    async with VkStandIn(p_lost=0.03) as vk:
        ... a channel with vk.url calls it ...
        assert vk.seen == [...]
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

from tests.support.faults import Fate, Faults, Judge


class ServedStandIn:
    """A platform's API. A subclass names its routes, and gives the answers its platform gives.

    Args:
        faults: Fields of `Faults`; they hold for messages to users.
    """

    def __init__(self, **faults: Any) -> None:
        self.judge = Judge(Faults(**faults))
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """What arrived: method and parameters, without those that are in every call."""
        self.outcomes: list[str] = []
        """Of messages to users."""
        self.clock: Callable[[], float] = time.time

    def routes(self) -> list[web.RouteDef]:
        """Return what it serves."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fate(self, user: str, text: str) -> Fate:
        """Say what shall happen to a message."""
        fate = self.judge.send(user, text, time.monotonic())
        self.outcomes.append(fate.outcome)
        return fate

    @staticmethod
    async def lose(request: web.Request, fate: Fate) -> None:
        """Let the caller never hear what became of the call."""
        if fate.outcome == "stall":
            await asyncio.Event().wait()
        assert request.transport is not None
        request.transport.abort()
        raise asyncio.CancelledError
