"""What a channel is: a small class that turns a platform's webhooks into updates and commands into API calls."""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import msgspec

from maxbot.channels.expand import Abilities, expand
from maxbot.channels.media import USUAL, Bounds, Media, Owner, fetch_theirs
from maxbot.channels.notes import MemoryNotes, Notes
from maxbot.channels.pace import Share
from maxbot.channels.window import Window
from maxbot.errors import CannotFetch, UsageError
from maxbot.types import Address, Begun, Command, Dialog, Update

if TYPE_CHECKING:  # the supervisor knows channels and serves no requests
    from starlette.routing import BaseRoute

Accept = Callable[[Sequence[Update]], Awaitable[list[bool]]]
"""Stores updates in the inbox and returns once they are durable: for each, whether it was new."""

BODY_LIMIT = 1024 * 1024
"""Bytes of a webhook's body, where the channel says nothing else."""

CONNECTIONS = 1000
"""Connections to platforms, where the server says nothing else."""


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
    notes: Notes = msgspec.field(default_factory=MemoryNotes)
    connections: int = CONNECTIONS
    """How many connections this channel may have to its platform at a time, in this process."""
    share: Share = msgspec.field(default_factory=Share)
    """The part of each limit of the account (messages a second) that this process may use; see `Pace`."""
    redact: Callable[[str], str] = str
    """Takes secrets out of a text that is to be shown or kept."""
    whisper: Callable[[Any], None] = lambda said: None
    """Says something to this channel in the other workers of this host: small, JSON, and lost where one is busy."""
    private: bool = False
    """Whether only programs of this machine reach the server: then its own users may be told how the bot failed."""


class Request(msgspec.Struct, frozen=True):
    """A webhook as it came."""

    body: bytes = b""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    method: str = "POST"
    query: Mapping[str, str] = {}


class Answer(msgspec.Struct, frozen=True):
    """What the platform is answered once its updates are stored, with status 200."""

    body: bytes = b""
    media_type: str = "text/plain"


NOTHING = Answer()

AnswerTo: TypeAlias = Callable[[Sequence[bool]], Answer]
"""Makes the answer of what became of the updates: for each, whether it was new."""


class Received(msgspec.Struct, frozen=True):
    """What a webhook brought."""

    updates: Sequence[Update] = ()
    """In the platform's order. None for events that the bot has nothing to say to: acknowledged and forgotten."""
    answer: Answer | AnswerTo = NOTHING

    def answer_to(self, accepted: Sequence[bool]) -> Answer:
        """Return the answer; of two deliveries of one update the second is answered like the first."""
        return self.answer if isinstance(self.answer, Answer) else self.answer(accepted)


class Growth(msgspec.Struct, frozen=True):
    """How a platform shows a message that is still being written."""

    every: float
    """Seconds between two states of it, at least: what the platform allows."""
    lasts: bool = False
    """Whether what it shows stays: a message that is changed, and that the finished reply changes once more."""
    finds: bool = False
    """Whether such a message is found again by its key where nobody knows its name, or whether there is one."""


class Channel:
    """A messenger platform.

    A channel's own class sets `type` and overrides `verify`, `parse` and `send`; the rest has defaults.
    One object serves all dialogs of one worker's event loop; it keeps nothing between requests that another
    worker would miss.
    """

    type: ClassVar[str] = ""
    """The platform, as `type` of a channel in `bot.yaml` names it."""

    name: str = ""
    """The instance's: key of the channel in `bot.yaml`, first part of its dialogs and its path, `POST /{name}`.

    That of the type where nobody says otherwise: a bot may be on two accounts of one platform. No colon, no slash.
    """

    abilities: Abilities = Abilities()
    """What the platform can be sent. Replies are replaced and split accordingly, see `expand`."""

    methods: Sequence[str] = ("POST",)
    """Of the requests that `receive` gets: with GET in it where a platform has a handshake of that kind."""

    body_limit: int = BODY_LIMIT
    """Bytes of a request's body; larger ones are answered 413."""

    recognises_for: float = 0.0
    """Seconds for which the platform knows a command again by its key: sent again so long, it arrives once."""

    keep_seen: float | None = None
    """Seconds for which the platform may deliver an update again; None is what the server's option says."""

    token_pattern: ClassVar[re.Pattern[str] | None] = None
    """The form of a secret of this platform, so that logs hide also those that nobody named."""

    prefers_polling: bool = False
    """Whether to poll where nobody said how updates come in and no other channel of the bot needs webhooks."""

    _api_url: str = ""
    """Where the platform's API is: files of users that are there are fetched whatever address that has."""
    growth: Growth | None = None
    """Set where `draft` can show a message that is still being written."""

    window: Window | None = None
    """Set where users can be written to freely only for some time after their last message."""

    open_for_trials: bool = False
    """Whether it is meant to be used without a secret, by somebody who tries a bot out on a machine of their own."""

    def __init_subclass__(cls) -> None:
        """One word suffices where the class has but one account: the name is the type, or the type the name."""
        own = cls.__dict__
        if "type" in own and "name" not in own:
            cls.name = cls.type
        elif "name" in own and "type" not in own and isinstance(own["name"], str):
            cls.type = cls.name

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never reach a log: tokens, passwords. Known before `start`."""
        return ()

    @property
    def verifies(self) -> bool:
        """Whether `verify` refuses forged webhooks: without, the server does not listen on a public address."""
        return True

    async def receive(self, request: Request) -> Received:
        """Turn a webhook into updates and an answer. Override it for a platform with a handshake of its own.

        Raises:
            RequestError: It is refused: not the platform's (Unauthorized), or not understood (BadRequest).
            StorageUnavailable: What is needed to answer it cannot be had now; the platform is told to come later.
        """
        self.verify(request)
        return Received(self.parse(request))

    def verify(self, request: Request) -> None:
        """Check that a webhook is the platform's, before anything of it is parsed. See `matches`.

        Raises:
            Unauthorized: It is not.
        """

    def parse(self, request: Request) -> list[Update]:
        """Turn a verified webhook into updates, in the platform's order.

        Raises:
            BadRequest: The platform sends nothing like it.
        """
        raise NotImplementedError

    def expand(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages that a reply becomes on this platform, in order, perhaps none. Called when a turn ends.

        Raises:
            TurnError: They are too many; it is the bot's fault.
        """
        return expand(content, self.type, self.abilities)

    def check(self, content: dict[str, Any]) -> None:
        """Look whether a message is one that the platform can take, as far as that is known without asking it.

        Args:
            content: One of those that `expand` returned.

        Raises:
            Undeliverable: It is not; `reason` says why.
        """

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to the platform.

        Args:
            command: One of those that `expand` returned.
            dialog: Whose it is.

        Raises:
            RetryLater: Nothing was sent; worth another attempt.
            Misconfigured: Nor can anything be sent on this channel, until its operator mends it.
            Moved: Nothing was sent, the user has another name now.
            OutcomeUnknown: It left, and nobody knows whether it arrived.
            Undeliverable: It never will arrive.
            DialogClosed: Nor will anything else in this dialog.
        """
        raise NotImplementedError

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        """Show what there is of a reply that is still being written. Best effort: it is sent when it is finished.

        Called only where there is `growth`.

        Args:
            text: From its beginning, never more than a message holds.
            dialog: Whose it is.
            key: The same for all states of one reply, and no other's: that of its command, and `.begun`.
            begun: What an earlier call for it has returned, perhaps in another process. Where `growth.finds`, `{}` if
                there was such a call and nobody knows what came of it.
            address: Where to answer to.

        Returns:
            What names the message that the user sees now, where `growth.lasts`: then `Command.begun` has it when the
            reply is sent, and `send` changes that message instead of sending another one. (Or it has `{}`, as above.)

        Raises:
            RetryLater: Nothing is shown; worth another attempt.
            Undeliverable: Nor will it be.
            OutcomeUnknown: It left, and nobody knows whether it is shown.
        """
        raise NotImplementedError

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show the user that an answer is under way, for a few seconds. Best effort: what it raises is dropped."""

    async def fetch(self, file: Mapping[str, Any], bounds: Bounds = USUAL) -> Media:
        """Fetch what a user sent. Called where a bot asks for it, between `start` and `close`.

        The default fetches its `url`, by https and from public addresses only.

        Args:
            file: What stands in a message: `{"url": …}` or `{"file_id": …}`, and what else is known of it.
            bounds: Of size and time.

        Raises:
            CannotFetch: It is not there, too large, too slow, or at an address that may not be asked.
            SendError: The platform does not say now where it is.
        """
        url = file.get("url")
        if not isinstance(url, str):
            raise CannotFetch(f"what users send on channel {self.name} has a url, and this has none")
        return await fetch_theirs(url, Owner(self._api_url), bounds)

    def whispered(self, said: Any) -> None:
        """Hear what this channel in another worker of this host has said by `Services.whisper`."""

    async def unanswered(self, dialog: Dialog, key: str, failure: str | None) -> None:
        """A turn ended and the user hears nothing. Best effort: what it raises is dropped.

        Args:
            dialog: Whose turn it was.
            key: Of its update.
            failure: How the bot failed, with file and line; None where it simply had nothing to say.
        """

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

        Like `receive` they may raise a `RequestError`, and `StorageUnavailable`: the server answers as it says, or 503.
        """
        return []

    async def register(self, url: str) -> None:
        """Tell the platform to deliver webhooks to `url` from now on. Called once, by one process.

        Called between `start` and `close`. The default is for platforms where nobody need be told.

        Raises:
            SendError: The platform did not take it; the text says why.
        """

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Return what to tell the operator at a start; None for nothing.

        Args:
            url: The server's, as it is reached on this machine.
            registers: Whether the server registers the webhook itself.
        """
        if registers:
            return None
        return f"Register https://YOUR-HOST/{self.name} with {self.type} as the webhook, or let --public-url do it"

    @property
    def polls(self) -> bool:
        """Whether the platform can be asked for updates, instead of delivering them."""
        return False

    async def poll(self, accept: Accept) -> None:
        """Fetch updates and hand them to `accept`, until cancelled. Runs in one process only.

        An update may be confirmed to the platform only after `accept` returned.
        """
        raise UsageError(f"channel {self.name} cannot poll: use --updater webhooks")


def matches(given: str, secrets: Sequence[str]) -> bool:
    """Whether a text is one of the secrets, in a time that tells nothing of them.

    Two secrets are right while one replaces the other: the platform may still use the old one.
    """
    raw = given.encode("utf-8", "surrogatepass")
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(raw, secret.encode())
    return found
