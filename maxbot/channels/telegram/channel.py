"""The channel of Telegram."""

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from maxbot.channels.base import Accept, Channel, Growth, Received, Request, Services, matches
from maxbot.channels.client import ApiClient
from maxbot.channels.expand import Abilities
from maxbot.channels.media import USUAL, Bounds, Media, file_id
from maxbot.channels.options import ApiOptions, Limits, Rate, Timeouts, connections, whole_call
from maxbot.channels.pace import Pace, in_turn
from maxbot.channels.presses import Presses
from maxbot.channels.split import Limit, utf8
from maxbot.channels.telegram.api import TelegramApi
from maxbot.channels.telegram.files import fetch
from maxbot.channels.telegram.polling import Polling
from maxbot.channels.telegram.replies import call
from maxbot.channels.telegram.updates import Read, asked_for, read
from maxbot.commands import KINDS as REPLIES
from maxbot.errors import SendError, Unauthorized, Undeliverable
from maxbot.types import Address, Begun, Command, Dialog, Update

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 100
"""How many webhooks Telegram may deliver at once (of 1 to 100): each is answered as soon as it is stored."""

SECRET_HEADER = "x-telegram-bot-api-secret-token"


TELEGRAM = "https://api.telegram.org"

USUAL_RATE = 30.0
"""Messages a second: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""


class TelegramChannel(Channel):
    """A bot of Telegram, by webhooks or polling. A user is a chat: in a group, all its members are one dialog.

    Args:
        api_token: From @BotFather, https://core.telegram.org/bots/api#authorizing-your-bot
        api_url: Of Telegram, or of a Bot API server of one's own.
        secret_token: What webhooks must have in their header; of several each will do, and the first is the one that
            is registered. None: webhooks that the server registers itself get one that is derived from the token, so
            that it is the same in all workers and after every start; others are not verified.
        native: Kinds of updates, and of what is in a message, that the bot is told of as they are, like `sticker`.
        rate: Messages a second, of all workers together. None: `USUAL_RATE` at Telegram itself; on a Bot API server of
            one's own, which may have other limits, as many as there are until it says 429.
        timeout: Seconds for a call of the API, or its parts; up to 3600.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "telegram"
    token_pattern = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
    prefers_polling = True
    # A second between two messages of a chat is what https://core.telegram.org/bots/faq#broadcasting-to-users allows.
    growth = Growth(every=1.0)
    # https://core.telegram.org/bots/api#sendmessage, #sendphoto, #inlinekeyboardbutton. Texts count in UTF-16 code
    # units, as far as is known; what a button gives back in bytes.
    abilities = Abilities(sends=(*REPLIES,), text=Limit(4096), caption=Limit(1024), payload=Limit(64, utf8))

    class Options(ApiOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        api_token: str
        api_url: str = TELEGRAM
        secret_token: str | list[str] | None = None
        native: list[str] = []
        rate: Rate | None = None

    def __init__(
        self,
        *,
        api_token: str,
        api_url: str = TELEGRAM,
        secret_token: str | Sequence[str] | None = None,
        native: Sequence[str] = (),
        rate: float | None = None,
        timeout: float | Timeouts = 30.0,
        limits: Limits | None = None,
    ) -> None:
        secrets = [secret_token] if isinstance(secret_token, str) else secret_token
        self._timeout = whole_call(timeout)
        _check_options(api_token, api_url, secrets, self._timeout)
        if rate is not None and not 0 < rate < float("inf"):
            raise ValueError("rate is a number of messages a second above 0")
        self._native = tuple(native)
        self._rate = USUAL_RATE if rate is None and api_url.rstrip("/") == TELEGRAM else rate
        self._pace: Pace | None = None
        self._token = api_token
        self._secrets = tuple(secrets) if secrets is not None else (_derived_secret(api_token),)
        self._verifies = secrets is not None
        self._api_url = api_url.rstrip("/")
        self._limits = limits
        self._api: TelegramApi | None = None
        self._presses = Presses("Telegram")

    @property
    def secrets(self) -> Sequence[str]:
        """The bot's token, and what webhooks have in their header."""
        return (self._token, *self._secrets)

    @property
    def verifies(self) -> bool:
        """Whether there is a secret to verify with: one was given, or the server registers the webhook with ours."""
        return self._verifies

    def will_register(self) -> None:
        """Verify from now on, as Telegram will be told the secret."""
        self._verifies = True

    def verify(self, request: Request) -> None:
        """Compare the header that Telegram adds to each webhook with the secret.

        Raises:
            Unauthorized: It is missing or wrong.

        Source: https://core.telegram.org/bots/api#setwebhook, `secret_token`
        """
        if self._verifies and not matches(request.headers.get(SECRET_HEADER, ""), self._secrets):
            raise Unauthorized(f"The header {SECRET_HEADER} is missing or wrong")

    async def receive(self, request: Request) -> Received:
        """Read the one update of a webhook, and tell Telegram that a button's press was heard."""
        self.verify(request)
        return Received(self._heard(self._read(request.body)))

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which has one update, into at most one of ours.

        Raises:
            BadRequest: It is no update of Telegram.

        Source: https://core.telegram.org/bots/api#update
        """
        update = self._read(request.body).update
        return [] if update is None else [update]

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        call(content)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to Telegram. A URL may also be the `file_id` of what a user sent.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages, or somebody on the way answered.
            Misconfigured: Telegram does not know the token.
            Moved: The group has another id now.
            OutcomeUnknown: It left, and what came within the channel's timeout is a 5xx, nothing, or not readable.
            Undeliverable: Telegram refused it; `reason` is its own text.
            DialogClosed: The user blocked the bot, or there is no such chat.

        Source: https://core.telegram.org/bots/api#available-methods and #responseparameters
        """
        method, payload = call(command.content)
        await self._in_turn()
        await self._started.done(method, {"chat_id": _chat(dialog), **payload})

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        """Show what there is of a reply, for half a minute or until it is sent. A group has no such thing.

        Source: https://core.telegram.org/bots/api#sendmessagedraft (for all bots since Bot API 9.5)
        """
        chat = _chat(dialog)
        if chat < 0:
            raise Undeliverable("Telegram shows drafts in private chats only")
        await self._in_turn()
        await self._started.done("sendMessageDraft", {"chat_id": chat, "draft_id": _draft_id(key), "text": text})
        return None

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show that the bot is typing, for five seconds or until its next message: #sendchataction"""
        await self._started.done("sendChatAction", {"chat_id": _chat(dialog), "action": "typing"})

    async def fetch(self, file: Mapping[str, Any], bounds: Bounds = USUAL) -> Media:
        """Fetch what a user sent, by its `file_id`."""
        return await fetch(self._started, file_id(file, "Telegram"), bounds)

    async def start(self, services: Services) -> None:
        """Open the connections to the API."""
        client = ApiClient(self._api_url, self._timeout, connections=connections(self._limits, services.connections))
        self._api = TelegramApi(client, self._token, self.secrets)
        self._pace = None if self._rate is None else Pace(self._rate, self._rate, share=services.share)

    async def close(self) -> None:
        """Close them."""
        await self._presses.close()
        if self._api is not None:
            await self._api.close()
            self._api = None

    async def register(self, url: str) -> None:
        """Have Telegram deliver webhooks to a URL, with the secret. Updates that wait there are kept.

        Raises:
            SendError: Telegram did not take it; the text is its own.

        Source: https://core.telegram.org/bots/api#setwebhook
        """
        webhook = {
            "url": url,
            "secret_token": self._secrets[0],
            "allowed_updates": asked_for(self._native),
            "max_connections": MAX_CONNECTIONS,
        }
        try:
            await self._started.done("setWebhook", webhook)
        except SendError as error:
            raise SendError(f"Telegram did not register the webhook: {error}") from None

    @property
    def polls(self) -> bool:
        """Telegram can be asked for updates."""
        return True

    async def poll(self, accept: Accept) -> None:
        """Remove the webhook, then fetch updates for ever; see `Polling`."""
        await Polling(
            self._started, lambda body: self._heard(self._read(body)), asked_for(self._native), self._timeout
        ).run(accept)

    @property
    def _started(self) -> TelegramApi:
        assert self._api is not None, "the channel is used between start and close"
        return self._api

    async def _in_turn(self) -> None:
        if self._pace is not None:
            await in_turn(self._pace)

    def _read(self, body: bytes) -> Read:
        return read(body, self.name, self._native)

    def _heard(self, found: Read) -> list[Update]:
        """Return the update. A button that was pressed spins until Telegram is told that this was heard."""
        if found.press and self._api is not None:
            self._presses.heard(self._api.done("answerCallbackQuery", {"callback_query_id": found.press}))
        return [] if found.update is None else [found.update]


def _chat(dialog: Dialog) -> int:
    try:
        return int(dialog.user)
    except ValueError:
        raise Undeliverable("The user is not the id of a Telegram chat") from None


def _draft_id(key: str) -> int:
    """Return the number of a draft, which is not 0."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) & 0x7FFFFFFF or 1


def _derived_secret(token: str) -> str:
    return hmac.new(token.encode(), b"maxbot: the secret of Telegram's webhooks", hashlib.sha256).hexdigest()


def _check_options(api_token: str, api_url: str, secrets: Sequence[str] | None, timeout: float) -> None:
    if not re.fullmatch(r"[!-.0-~]+", api_token):
        raise ValueError("api_token is what @BotFather gave you, like 123456:ABC-DEF; this is none")
    if secrets is not None and not (secrets and all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", one) for one in secrets)):
        raise ValueError("secret_token has 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
    if not _is_base_url(api_url):
        raise ValueError("api_url is a URL like https://api.telegram.org, without user, query and fragment")
    if not 0 < timeout <= 3600:
        raise ValueError("timeout is a number of seconds above 0, up to 3600")


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        re.fullmatch(r"[!-~]+", url) is not None
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and not (parts.query or parts.fragment or parts.username or parts.password)
        and not url.endswith(("?", "#"))
    )
