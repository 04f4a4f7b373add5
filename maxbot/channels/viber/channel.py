"""The channel of Viber."""

import re
from collections.abc import Sequence
from typing import Any

from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.client import ApiClient
from maxbot.channels.expand import expand
from maxbot.channels.native import chosen
from maxbot.channels.options import (
    ApiOptions,
    Limits,
    Secret,
    Timeouts,
    check_api_url,
    check_secrets,
    connections,
    secrets_of,
    whole_call,
)
from maxbot.channels.replies import made
from maxbot.channels.signature import Signatures
from maxbot.channels.viber.api import Answer, ViberApi
from maxbot.channels.viber.replies import ABILITIES, MAKERS
from maxbot.channels.viber.updates import NATIVE, read
from maxbot.commands import File, Location, Video
from maxbot.commands import read as read_reply
from maxbot.errors import OutcomeUnknown, RetryLater, SendError, Unauthorized
from maxbot.types import Command, Dialog, Update

API_URL = "https://chatapi.viber.com"
SIGNATURE = "x-viber-content-signature"
NAME_LIMIT = 28

EVENTS = ["message", "unsubscribed", "failed"]
"""Receipts (`delivered`, `seen`) are left out: they are twice as many as messages, and change nothing."""


class ViberChannel(Channel):
    """An account of Viber.

    Args:
        api_token: Of the account. Of several, webhooks may be signed with each, and calls are made with the first.
        name: Who the user sees writing, up to 28 characters; None asks Viber what the account is called.
        avatar: A picture's URL; None asks Viber for the account's.
        native: What the bot gets as it is: `sticker`, `conversation_started`, `subscribed`, `unsubscribed`.
        api_url: Of Viber.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "viber"
    abilities = ABILITIES
    token_pattern = re.compile(r"\b[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}\b")

    class Options(ApiOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        api_token: Secret
        name: str | None = None
        avatar: str | None = None
        native: list[str] = []
        api_url: str = API_URL

    def __init__(
        self,
        *,
        api_token: str | Sequence[str],
        name: str | None = None,
        avatar: str | None = None,
        native: Sequence[str] = (),
        api_url: str = API_URL,
        timeout: float | Timeouts = 30.0,
        limits: Limits | None = None,
    ) -> None:
        self._tokens = secrets_of(api_token)
        check_secrets("api_token", self._tokens)
        self._signatures = Signatures(self._tokens)
        check_api_url(api_url)
        if name is not None and not 1 <= len(name.strip()) <= NAME_LIMIT:
            raise ValueError(f"name has 1 to {NAME_LIMIT} characters")
        self._sender_name = name
        self._avatar = avatar
        self._native = chosen(native, NATIVE)
        self._api_url = api_url.rstrip("/")
        self._timeout = whole_call(timeout)
        self._limits = limits
        self._sender: dict[str, str] | None = None
        self._api: ViberApi | None = None

    @property
    def secrets(self) -> Sequence[str]:
        """The account's tokens."""
        return self._tokens

    def verify(self, request: Request) -> None:
        """Compare the signature of a webhook with that of its bytes, the token being the key.

        Raises:
            Unauthorized: It is missing or wrong.

        Source: …/rest-bot-api/#callbacks
        """
        if not self._signatures.fit(request.headers.get(SIGNATURE, ""), request.body):
            raise Unauthorized(f"The header {SIGNATURE} is missing or wrong")

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which has one event, into at most one update.

        Raises:
            BadRequest: It is no event of Viber.
        """
        update = read(request.body, self.name, self._native)
        return [] if update is None else [update]

    def expand(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages that a reply becomes.

        A file or video whose size nobody says is a link, as Viber must be told it; a location's name goes before it.
        """
        return [final for part in super().expand(content) for final in self._adapted(part)]

    def _adapted(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        if not content.keys() & {"file", "video", "location"}:
            return [content]
        try:
            reply = read_reply(content)
        except ValueError:
            return [content]
        if isinstance(reply, File | Video) and not reply.size:
            return expand({"text": reply.url}, self.type, self.abilities)
        if isinstance(reply, Location) and reply.name:
            words = "\n".join(part for part in (reply.name, reply.address) if part)
            return [*expand({"text": words}, self.type, self.abilities), content]
        return [content]

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        made(content, "Viber", MAKERS)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to Viber.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages, or somebody on the way answered.
            Misconfigured: The token or the account is at fault.
            OutcomeUnknown: It left, and what came within the channel's timeout is a failure of Viber's, or nothing.
            Undeliverable: Viber refused it.
            DialogClosed: The user has no Viber any more, or left the account.

        Source: …/rest-bot-api/#send-message
        """
        message = made(command.content, "Viber", MAKERS)
        sender = await self._who()
        await self._started.call(
            "send_message", {"receiver": dialog.user, "sender": sender, "min_api_version": 1, **message}
        )

    async def start(self, services: Services) -> None:
        """Open the connections to Viber."""
        client = ApiClient(
            self._api_url,
            self._timeout,
            connections=connections(self._limits, services.connections),
            headers={"X-Viber-Auth-Token": self._tokens[0]},
        )
        self._api = ViberApi(client, self._tokens)

    async def close(self) -> None:
        """Close them."""
        if self._api is not None:
            await self._api.close()
            self._api = None

    async def register(self, url: str) -> None:
        """Have Viber deliver webhooks to a URL. It asks that URL during this call, and any worker answers.

        Raises:
            SendError: Viber did not take it; the text is its own.

        Source: …/rest-bot-api/#setting-a-webhook
        """
        try:
            await self._started.call("set_webhook", {"url": url, "event_types": self._events, "send_name": True})
        except SendError as error:
            raise SendError(f"Viber did not register the webhook: {error}") from None

    @property
    def _events(self) -> list[str]:
        return [*EVENTS, *(kind for kind in NATIVE if kind in self._native and kind not in (*EVENTS, "sticker"))]

    async def _who(self) -> dict[str, str]:
        """Return who writes; what nobody said is asked of Viber, once."""
        if self._sender is None:
            name, avatar = self._sender_name, self._avatar
            if name is None or avatar is None:
                account = await self._account()
                name, avatar = name or account.name[:NAME_LIMIT] or "Bot", avatar or account.icon
            self._sender = {"name": name, **({"avatar": avatar} if avatar else {})}
        return self._sender

    async def _account(self) -> Answer:
        try:
            return await self._started.call("get_account_info", {})
        except OutcomeUnknown as error:  # nothing was sent to anybody yet
            raise RetryLater(error.reason) from None

    @property
    def _started(self) -> ViberApi:
        assert self._api is not None, "the channel is used between start and close"
        return self._api
