"""What tests of channels share: a server for a channel's requests, and looks into errors."""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn

from maxbot.channels.base import Channel
from maxbot.inbox.accept import Inbox
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.webapp import build_webapp
from maxbot.server.edge.webhooks import Webhooks
from maxbot.types import Update


async def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class MemoryInbox:
    """Accepts updates, each key once."""

    def __init__(self) -> None:
        self.updates: list[Update] = []

    async def accept(self, updates: Sequence[Update]) -> list[bool]:
        accepted = []
        for update in updates:
            new = all(update.key != old.key for old in self.updates)
            accepted.append(new)
            if new:
                self.updates.append(update)
        return accepted


@asynccontextmanager
async def serving(channel: Channel, inbox: MemoryInbox | None = None) -> AsyncIterator[str]:
    """Serve a channel that was started, as a worker does; yield the server's URL."""
    app = build_webapp([Webhooks({channel.name: channel}, cast(Inbox, inbox or MemoryInbox()))], Refusals())
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=5))
    task = asyncio.create_task(server.serve([listener]))
    try:
        await eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def whole_text(error: BaseException) -> str:
    """Return everything that a log could show of an error, including what is suppressed."""
    texts = []
    current: BaseException | None = error
    while current is not None:
        texts += [repr(current), str(current), *traceback.format_exception(current)]
        current = current.__cause__ or current.__context__
    return "\n".join(texts)
