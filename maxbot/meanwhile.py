"""What a turn can do before it ends, where a server runs it: the way out of the bot's code that is not its result."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from maxbot.types import Command


class Meanwhile(Protocol):
    """Belongs to one turn, and to its event loop."""

    def say(self, command: Command) -> Awaitable[None]:
        """Send a reply before the turn ends, behind all that were said before. It need not be awaited.

        Returns:
            Done when the reply is stored: it is sent then whatever becomes of the turn.

        Raises:
            TurnError: It would be too many messages; or, when awaited: the turn is not the caller's any more.
        """

    def show(self, text: str) -> None:
        """Show what there is of the next early reply, where the platform can. Best effort, and waits for nothing."""

    def typing(self) -> AbstractContextManager[None]:
        """Show within its body that an answer is under way, where the platform can."""

    async def superseded(self) -> bool:
        """Whether the user has written again since the message of this turn."""


class Alone:
    """The `Meanwhile` of a turn that no server runs: whoever runs it gets the early replies with all others."""

    def say(self, command: Command) -> Awaitable[None]:
        """Wait for nothing."""
        return nothing_to_wait_for()

    def show(self, text: str) -> None:
        """Show nothing."""

    def typing(self) -> AbstractContextManager[None]:
        """Show nothing."""
        return nullcontext()

    async def superseded(self) -> bool:
        """Nobody has."""
        return False


def nothing_to_wait_for() -> Awaitable[None]:
    """Return what is done already, and need not be awaited."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


current: ContextVar[Meanwhile] = ContextVar("meanwhile", default=Alone())  # noqa: B039 (it keeps nothing)
"""That of the turn whose task this is."""
