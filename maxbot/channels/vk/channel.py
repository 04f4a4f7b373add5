"""The channel of VK."""

import hashlib
import hmac
import logging
import random
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from maxbot.channels.base import Accept, Answer, Channel, Growth, Received, Request, Services, matches
from maxbot.channels.client import ApiClient
from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.expand import Abilities
from maxbot.channels.notes import Notes
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
from maxbot.channels.pace import Pace, in_turn
from maxbot.channels.presses import Presses
from maxbot.channels.split import Limit
from maxbot.channels.vk import growing
from maxbot.channels.vk.api import VkApi
from maxbot.channels.vk.bookmark import Bookmark
from maxbot.channels.vk.polling import Polling
from maxbot.channels.vk.replies import PAYLOAD, payload_size, post
from maxbot.channels.vk.servers import Servers
from maxbot.channels.vk.updates import Envelope, Read, envelope, read
from maxbot.channels.vk.uploads import Uploads
from maxbot.commands import KINDS as REPLIES
from maxbot.errors import BadRequest, SendError, StorageUnavailable, Unauthorized, Undeliverable
from maxbot.types import Address, Begun, Command, Dialog, Update

logger = logging.getLogger(__name__)

API_URL = "https://api.vk.com"
API_VERSION = "5.199"

RATE = 20.0
"""Calls a second with the token of a community; not verified."""

RECOGNISES_FOR = 45 * 60.0
"""Seconds: VK knows a `random_id` for an hour, as far as is known."""

OK = Answer(b"ok")
"""Exactly that: anything else is a failure, and `remove` takes the server out of VK's list."""

CONFIRMATION = "confirmation"


class VkChannel(Channel):
    """A community of VK, by webhooks (its Callback API) or polling (Bots Long Poll). A user is a conversation: in a
    chat, all its members are one dialog.

    Args:
        access_token: Of the community (Manage, API usage), with the right to write messages; with that to manage it,
            the server registers its webhook itself.
        group_id: The community's; None: the one whose token it is.
        secret_key: What webhooks must have in them; of several each will do, and the first is the one that is
            registered. None: webhooks that the server registers itself get one that is derived from the token, so
            that it is the same in all workers and after every start; others are not verified.
        server_title: Of the callback server that is registered, so that it is found again.
        confirmation_code: What VK shows where somebody enters the URL by hand; None asks VK for it.
        native: Types of events and attachments that the bot is told of as they are, like `group_join` or `sticker`.
        private_hosts: Are asked for the images and files of replies although they are not public.
        rate: Messages a second, of all workers together.
        api_url: Of VK.
        api_version: Of the API.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "vk"
    recognises_for = RECOGNISES_FOR
    token_pattern = re.compile(r"\bvk\d\.[a-z]\.[A-Za-z0-9_-]{20,}")
    growth = Growth(every=1.5, lasts=True, finds=True)
    # https://dev.vk.com/en/method/messages.send has 9,000 characters, older pages 4,096.
    # https://dev.vk.com/en/api/bots/development/keyboard: up to 10 buttons below a message, 40 below the input field.
    abilities = Abilities(
        sends=tuple(kind for kind in REPLIES if kind != "contact"),
        text=Limit(4096),
        caption=Limit(4096),
        buttons=10,
        buttons_below_image=10,
        quick_replies=40,
        title=Limit(40),
        payload=Limit(255 - len(PAYLOAD), payload_size),
        reply_payload=Limit(255 - len(PAYLOAD), payload_size),
    )

    class Options(ApiOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        access_token: str
        group_id: int | None = None
        secret_key: Secret | None = None
        server_title: str = "MAXBOT"
        confirmation_code: str | None = None
        native: list[str] = []
        private_hosts: list[str] = []
        rate: float = RATE
        api_url: str = API_URL
        api_version: str = API_VERSION

    def __init__(
        self,
        *,
        access_token: str,
        group_id: int | None = None,
        secret_key: str | Sequence[str] | None = None,
        server_title: str = "MAXBOT",
        confirmation_code: str | None = None,
        native: Sequence[str] = (),
        private_hosts: Sequence[str] = (),
        rate: float = RATE,
        api_url: str = API_URL,
        api_version: str = API_VERSION,
        timeout: float | Timeouts = 30.0,
        limits: Limits | None = None,
    ) -> None:
        secrets = secrets_of(secret_key)
        _check_options(access_token, secrets, server_title, rate)
        check_api_url(api_url)
        self._token = access_token
        self._group_id = group_id
        self._secrets = secrets or (_derived_secret(access_token),)
        self._verifies = bool(secrets)
        self._title = server_title
        self._code = confirmation_code
        self._native = frozenset(native)
        self._private_hosts = tuple(private_hosts)
        self._rate = rate
        self._api_url = api_url.rstrip("/")
        self._version = api_version
        self._timeout = whole_call(timeout)
        self._limits = limits
        # Whoever set up webhooks wants them.
        self.prefers_polling = not secrets and confirmation_code is None
        self._line: _Line | None = None
        self._presses = Presses("VK")

    @property
    def secrets(self) -> Sequence[str]:
        """The community's token, and what webhooks have in them."""
        return (self._token, *self._secrets)

    @property
    def verifies(self) -> bool:
        """Whether there is a secret to verify with: one was given, or the server registers the webhook with ours."""
        return self._verifies

    def will_register(self) -> None:
        """Verify from now on, as VK will be told the secret."""
        self._verifies = True

    def verify(self, request: Request) -> None:
        """Compare the secret in the body with ours; nothing else of an event is read before.

        Raises:
            Unauthorized: It is missing or wrong.
            BadRequest: It is no event of VK, or one of another community.

        Source: https://dev.vk.com/en/api/callback/getting-started, `secret`
        """
        self._check(envelope(request.body))

    async def receive(self, request: Request) -> Received:
        """Read the one event of a webhook, or prove that this server is the community's."""
        event = envelope(request.body)
        self._check(event)
        if event.type == CONFIRMATION:
            return Received(answer=Answer((await self._confirmation()).encode()))
        return Received(self._heard(self._read(event)), OK)

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which has one event, into at most one update.

        Raises:
            BadRequest: It is no event of VK.
        """
        update = self._read(envelope(request.body)).update
        return [] if update is None else [update]

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        post(content)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to VK. Sent again with the same key within an hour or so, it arrives once.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages, or somebody on the way answered.
            Misconfigured: The token is wrong, or lacks a right.
            Denied: It is not allowed here, or not at all.
            OutcomeUnknown: It left, and VK failed, or said nothing within the channel's timeout. It is safe to repeat.
            Undeliverable: VK refused it; `reason` is its own text.
            DialogClosed: The user does not allow messages, or the community is not in the chat any more.

        Source: https://dev.vk.com/en/method/messages.send
        """
        line, peer, message = self._started, _peer(dialog), post(command.content)
        await in_turn(line.pace)
        fields = message.fields
        if message.upload is not None:
            attachment = await line.uploads.attachment(message.upload, peer)
            others = {name: value for name, value in fields.items() if name != "format_data"}
            fields = {**fields, "attachment": attachment} if attachment else {**others, "message": message.instead}
        form: dict[str, str | int] = {"disable_mentions": 1, **fields, "peer_id": peer}
        begun = command.begun
        if begun == {}:
            begun = await growing.found(line.api, form, peer, random_id(command.begun_key))
        if begun is None or not await growing.finished(line.api, form, begun):
            await line.api.call("messages.send", **form | {"random_id": random_id(command.key)})

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        """Send what there is of a reply, and change the message then. It is begun once, as it has a `key`."""
        line = self._started
        await in_turn(line.pace)
        return await growing.draft(line.api, text, _peer(dialog), random_id(key), begun)

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show that the bot is typing, for ten seconds or until its next message."""
        await self._started.api.call("messages.setActivity", peer_id=_peer(dialog), type="typing")

    async def start(self, services: Services) -> None:
        """Open the connections to the API, and begin to count."""
        limit = connections(self._limits, services.connections)
        client = ApiClient(self._api_url, self._timeout, connections=limit)
        elsewhere = Elsewhere(self._timeout, limit)
        api = VkApi(client, self._token, self._version, self.secrets)
        self._line = _Line(
            client=client,
            elsewhere=elsewhere,
            api=api,
            servers=Servers(api, self._group_id),
            uploads=Uploads(api, elsewhere, self._private_hosts),
            pace=Pace(self._rate, self._rate, share=services.share),
            notes=services.notes,
        )

    async def close(self) -> None:
        """Close them."""
        await self._presses.close()
        line, self._line = self._line, None
        if line is not None:
            await line.client.close()
            await line.elsewhere.close()

    async def register(self, url: str) -> None:
        """Have VK deliver webhooks to a URL, with the secret. Other servers of the community stay as they are.

        Raises:
            SendError: VK did not take it; the text is its own.
        """
        try:
            await self._started.servers.register(url, self._title, self._secrets[0], self._version)
        except SendError as error:
            raise SendError(f"VK did not register the webhook: {error}") from None

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Say what to enter where."""
        if registers:
            return None
        secret = "the secret_key of your bot.yaml" if self._verifies else "a secret key (set secret_key, too)"
        return (
            f"In your community of VK, Manage → API usage → Callback API, enter https://YOUR-HOST/{self.name}, version "
            f"{self._version} and {secret}, and switch on the events message_new and message_event; "
            "or let --public-url do it"
        )

    @property
    def polls(self) -> bool:
        """VK can be asked for events."""
        return True

    async def poll(self, accept: Accept) -> None:
        """Fetch events for ever; see `Polling`."""
        line = self._started
        await Polling(
            line.api,
            line.elsewhere,
            line.servers,
            Bookmark(line.notes, self.name),
            self._parse_polled,
            self._version,
            self._timeout,
        ).run(accept)

    @property
    def _started(self) -> "_Line":
        assert self._line is not None, "the channel is used between start and close"
        return self._line

    def _check(self, event: Envelope) -> None:
        if self._verifies and not matches(event.secret or "", self._secrets):
            raise Unauthorized("The secret is missing or wrong")
        if self._group_id is not None and event.group_id not in (None, self._group_id):
            raise BadRequest("The event is one of another community")

    async def _confirmation(self) -> str:
        if self._code is not None:
            return self._code
        try:
            return await self._started.servers.code()
        except SendError as error:
            reason = f"VK does not say now what it wants to hear: {error}"
        raise StorageUnavailable(reason)

    def _read(self, event: Envelope) -> Read:
        return read(event, self.name, self._native)

    def _parse_polled(self, body: bytes) -> Sequence[Update]:
        return self._heard(self._read(envelope(body)))

    def _heard(self, found: Read) -> list[Update]:
        """Return the update. A button that was pressed spins until VK is told that this was heard."""
        if found.press and self._line is not None:
            self._presses.heard(self._line.api.call("messages.sendMessageEventAnswer", **found.press.named))
        return [] if found.update is None else [found.update]


class _Line(msgspec.Struct):
    """What there is between `start` and `close`."""

    client: ApiClient
    elsewhere: Elsewhere
    """For the hosts that VK names."""
    api: VkApi
    servers: Servers
    uploads: Uploads
    pace: Pace
    notes: Notes


def random_id(key: str) -> int:
    """Return the number by which VK recognises a message that is sent again: the same after every start.

    It has 31 bits and is not 0, which would switch the recognition off.
    """
    if not key:
        return random.randrange(1, 2**31)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) & 0x7FFFFFFF or 1


def _peer(dialog: Dialog) -> int:
    try:
        return int(dialog.user)
    except ValueError:
        raise Undeliverable("The user is not the id of a conversation of VK") from None


def _derived_secret(token: str) -> str:
    """Return 50 characters, which is all that VK takes."""
    return hmac.new(token.encode(), b"maxbot: the secret of VK's webhooks", hashlib.sha256).hexdigest()[:50]


def _check_options(access_token: str, secrets: Sequence[str], server_title: str, rate: float) -> None:
    check_secrets("access_token", [access_token])
    if secrets:
        check_secrets("secret_key", secrets)
    if any(len(secret) > 50 for secret in secrets):
        raise ValueError("secret_key has 50 characters at most")
    if not 1 <= len(server_title) <= 14:
        raise ValueError("server_title has 1 to 14 characters")
    if not 0 < rate < float("inf"):
        raise ValueError("rate is a number of messages a second above 0")
