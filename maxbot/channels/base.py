"""What a channel is: a small class that turns a platform's webhooks into updates and commands into API calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from maxbot.errors import UsageError
from maxbot.types import Command, Dialog, Update

if TYPE_CHECKING:  # the supervisor knows channels and serves no requests
    from starlette.routing import BaseRoute

Accept = Callable[[Sequence[Update]], Awaitable[list[bool]]]
"""Stores updates in the inbox and returns once they are durable: for each, whether it was new."""


class Mailbox(Protocol):
    """Keeps replies for users who come and fetch them (the `web` channel); shared by all workers."""

    async def put(self, dialog: Dialog, key: str, content: dict[str, Any]) -> None:
        """Keep one reply. A second `put` with the same `key` changes nothing.

        Raises:
            StorageUnavailable: Nothing was kept; worth another attempt.
        """

    async def fetch(self, dialog: Dialog, after: int, limit: int = 100) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` replies with a number above `after`, in order, as `(number, content)`."""


class Services(msgspec.Struct, frozen=True):
    """What the server lends a channel from `start` to `close`."""

    mailbox: Mailbox


class Channel:
    """A messenger platform.

    A channel's own class sets `name` and overrides `verify`, `parse` and `send`; the rest has defaults.
    One object serves all dialogs of one worker's event loop; it keeps nothing between requests that another
    worker would miss.
    """

    name: str = ""
    """Key of the channel in `bot.yaml`, first part of its dialogs and its path: `POST /{name}`. No colon, no slash."""

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never reach a log: tokens, passwords. Known before `start`."""
        return ()

    @property
    def verifies(self) -> bool:
        """Whether `verify` refuses forged webhooks: without, the server does not listen on a public address."""
        return True

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check that a webhook is the platform's, before anything of it is parsed. Compare in constant time.

        Args:
            headers: Names in lower case.
            body: At most 1 MiB, as it came.

        Raises:
            Unauthorized: It is not.
        """

    def parse(self, body: bytes) -> list[Update]:
        """Turn a verified webhook into updates, in the platform's order.

        Returns:
            No updates for events that the bot has nothing to say to; they are acknowledged and forgotten.

        Raises:
            BadRequest: The platform sends nothing like it.
        """
        raise NotImplementedError

    def acknowledgement(self, accepted: Sequence[bool]) -> tuple[bytes, str]:
        """Return body and content type of the 200 that tells the platform its updates are stored.

        Args:
            accepted: For each parsed update, whether it was new (a redelivery is acknowledged like the first).
        """
        return b"", "text/plain"

    async def send(self, command: Command, dialog: Dialog) -> str:
        """Hand one command to the platform.

        Returns:
            The platform's id of the message, for the journal; empty where it has none.

        Raises:
            RetryLater: Nothing was sent; worth another attempt.
            OutcomeUnknown: It left, and nobody knows whether it arrived.
            Undeliverable: It never will arrive.
        """
        raise NotImplementedError

    def will_register(self) -> None:
        """The server registers webhooks itself in this run. Called before `start`, in every process."""

    async def start(self, services: Services) -> None:
        """Open what the channel needs (an HTTP session). Runs in each worker before its first request."""

    async def close(self) -> None:
        """Close what `start` opened."""

    async def drain(self) -> None:
        """The server stops: answer those who wait, so that their connections can close."""

    def routes(self) -> list[BaseRoute]:
        """Return further routes of the channel's own; all their paths start with `/{name}`.

        Like `verify` and `parse` they may raise a `RequestError`, and `StorageUnavailable`: the server answers 401, 400
        or 503.
        """
        return []

    async def register(self, url: str) -> None:
        """Tell the platform to deliver webhooks to `url` from now on. Called once, by one process.

        Called between `start` and `close`. The default is for platforms where nobody need be told.

        Raises:
            SendError: The platform did not take it; the text says why.
        """

    @property
    def polls(self) -> bool:
        """Whether the platform can be asked for updates, instead of delivering them."""
        return False

    async def poll(self, accept: Accept) -> None:
        """Fetch updates and hand them to `accept`, until cancelled. Runs in one process only.

        An update may be confirmed to the platform only after `accept` returned.
        """
        raise UsageError(f"channel {self.name} cannot poll: use --updater webhooks")
