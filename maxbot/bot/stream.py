"""A reply that a handler writes piece by piece."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from maxbot.errors import TurnError


class Stream:
    """What `async with turn.stream() as reply` gives.

    Args:
        show: Shows the user what there is of it.
        send: Sends it when it is whole.
    """

    def __init__(self, show: Callable[[str], None], send: Callable[[str], Awaitable[None]]) -> None:
        self._show = show
        self._send = send
        self.text = ""
        """What has been written."""
        self.is_open = False
        """Whether more can be."""

    async def write(self, text: str) -> None:
        """Add a piece of the text, of any length. Waits for no platform.

        Raises:
            TurnError: It is no text, or the stream is not open.
        """
        if not self.is_open:
            raise TurnError("a reply is written within async with turn.stream() as reply:")
        if not isinstance(text, str):
            raise TurnError(f"a piece of a reply is a text, not {text!r}")
        self.text += text
        self._show(self.text)
        await asyncio.sleep(0)  # who has many pieces at once lets others work

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.is_open = False
        if error is None and self.text.strip():
            await self._send(self.text)
