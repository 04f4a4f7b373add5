"""Telegram: https://core.telegram.org/bots/api

A bot's token is part of every URL of the API: of its calls, and of the files that users send. Neither reaches a
message, a log or an error; a photo comes as its `file_id`, which is of use to this bot alone.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import msgspec

from maxbot.backoff import backoff
from maxbot.channels.base import Accept, Channel, Request, Services, matches
from maxbot.channels.client import ApiClient
from maxbot.channels.expand import Abilities
from maxbot.channels.json import decode
from maxbot.channels.split import Limit
from maxbot.errors import (
    BadRequest,
    OutcomeUnknown,
    RetryLater,
    SendError,
    StartError,
    StorageUnavailable,
    Unauthorized,
    Undeliverable,
)
from maxbot.types import Command, Dialog, Message, Update

logger = logging.getLogger(__name__)

POLL_TIMEOUT = 25
"""Seconds for which Telegram keeps a request for updates open while there are none."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between attempts to poll while it fails."""

CONFLICT_OVER = 60.0
"""Seconds without a conflict after which it is over: two who poll both get something now and then."""

MAX_CONNECTIONS = 100
"""How many webhooks Telegram may deliver at once (of 1 to 100): each is answered as soon as it is stored."""

REASON_LIMIT = 200
"""Characters of Telegram's text that are kept of an error."""

_TOKEN_UNKNOWN = (401, 404)  # 404 is for a token that cannot be one: there is no such path

SECRET_HEADER = "x-telegram-bot-api-secret-token"

_KINDS = ["message"]  # of updates: what `parse` makes something of

# Telegram's numbers have at most 52 significant bits; what is stored has 64.
_UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_ChatId = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Chat(msgspec.Struct):
    id: _ChatId


class _Photo(msgspec.Struct):
    file_id: str
    width: _Size
    height: _Size
    file_size: _Size | None = None


class _Message(msgspec.Struct):
    chat: _Chat
    text: str | None = None
    caption: str | None = None
    photo: list[_Photo] | None = None


class _Update(msgspec.Struct):
    update_id: _UpdateId
    message: _Message | None = None


class _Identity(msgspec.Struct):
    update_id: _UpdateId


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Answer(msgspec.Struct):
    """https://core.telegram.org/bots/api#making-requests"""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    parameters: _Parameters | None = None


_update_decoder = msgspec.json.Decoder(_Update)
_identity_decoder = msgspec.json.Decoder(_Identity)
_answer_decoder = msgspec.json.Decoder(_Answer)
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class TelegramChannel(Channel):
    """A bot of Telegram, by webhooks or polling.

    A user is a chat: in a group, all its members are one dialog. Messages are
    `{"text": ...}` or `{"image": {"file_id", "width", "height", "size"?, "caption"?}}`.

    Args:
        api_token: From @BotFather, https://core.telegram.org/bots/api#authorizing-your-bot
        api_url: Of Telegram, or of a Bot API server of one's own.
        secret_token: What webhooks must have in their header. None: webhooks that the server registers itself get one
            that is derived from the token, so that it is the same in all workers and after every start; others are
            not verified.
        timeout: Seconds for a call of the API.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "telegram"
    abilities = Abilities(sends=("text", "image"), text=Limit(4096), caption=Limit(1024))
    token_pattern = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
    prefers_polling = True

    class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
        """What `channels.telegram` of a bot.yaml may have; as in the constructor."""

        api_token: str
        api_url: str = "https://api.telegram.org"
        secret_token: str | None = None
        timeout: float = 30.0

    def __init__(
        self,
        *,
        api_token: str,
        api_url: str = "https://api.telegram.org",
        secret_token: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        _check_options(api_token, api_url, secret_token, timeout)
        self._token = api_token
        self._secret = secret_token if secret_token is not None else _derived_secret(api_token)
        self._verifies = secret_token is not None
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout
        self._path = f"/bot{quote(api_token, safe=':')}/"
        self._client: ApiClient | None = None

    @property
    def secrets(self) -> Sequence[str]:
        """The bot's token, and what webhooks have in their header."""
        return (self._token, self._secret)

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
        if not self._verifies:
            return
        if not matches(request.headers.get(SECRET_HEADER, ""), (self._secret,)):
            raise Unauthorized(f"The header {SECRET_HEADER} is missing or wrong")

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which has one update, into at most one of ours.

        Returns:
            One update for a new message with a text or a photo (the largest of its sizes), else none.

        Raises:
            BadRequest: It is no update of Telegram.

        Source: https://core.telegram.org/bots/api#update, #message, #photosize
        """
        return self._parse(request.body)

    def _parse(self, body: bytes) -> list[Update]:
        update = decode(_update_decoder, body)
        if update.message is None or (message := _message(update.message)) is None:
            return []
        dialog = Dialog(self.name, str(update.message.chat.id))
        return [Update(dialog, str(update.update_id), message, update.update_id)]

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to Telegram.

        Args:
            command: `{"text": ...}` with 1 to 4,096 characters, or `{"image": {"url": ..., "caption": ...}}`, where the
                URL may also be the `file_id` of a photo that a user sent, and the caption has up to 1,024 characters.
            dialog: Its user is a chat's id.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages (429), or Telegram does not know the token
                (401, 404), which is for the operator to mend and no reason to lose a message.
            OutcomeUnknown: It left, and what came within the channel's timeout is a 5xx, nothing, or not readable.
            Undeliverable: Telegram refused it (user blocked the bot, text too long); `reason` is its own text.

        Source: https://core.telegram.org/bots/api#sendmessage, #sendphoto and #responseparameters
        """
        method, payload = _request(command.content, dialog)
        self._result(*await self._call(method, payload))

    async def start(self, services: Services) -> None:
        """Open the connections to the API."""
        self._client = ApiClient(self._api_url, self._timeout, connections=services.connections)

    async def close(self) -> None:
        """Close them."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def register(self, url: str) -> None:
        """Have Telegram deliver webhooks to a URL, with the secret. Updates that wait there are kept.

        Raises:
            SendError: Telegram did not take it; the text is its own.

        Source: https://core.telegram.org/bots/api#setwebhook
        """
        webhook = {
            "url": url,
            "secret_token": self._secret,
            "allowed_updates": _KINDS,
            "max_connections": MAX_CONNECTIONS,
        }
        try:
            self._result(*await self._call("setWebhook", webhook))
        except SendError as error:
            raise SendError(f"Telegram did not register the webhook: {error}") from None

    @property
    def polls(self) -> bool:
        """Telegram can be asked for updates."""
        return True

    async def poll(self, accept: Accept) -> None:
        """Remove the webhook, then fetch updates for ever. Only what was accepted is confirmed.

        What goes wrong is tried again, with a line in the log when it begins and when it is over.

        Raises:
            StartError: Telegram does not know the token.

        Source: https://core.telegram.org/bots/api#getupdates, #deletewebhook
        """
        trouble = _Trouble()
        webhook_removed = False
        offset = 0
        while True:
            try:
                if not webhook_removed:
                    await self._poll_call("deleteWebhook", {})
                    webhook_removed = True
                fetched = await self._fetch(offset)
                await accept([update for raw in fetched for update in self._parse_fetched(raw)])
            except (RetryLater, OutcomeUnknown, Undeliverable, BadRequest, StorageUnavailable) as error:
                await trouble.wait(
                    str(error),
                    error.retry_after if isinstance(error, RetryLater) else None,
                    over_after=CONFLICT_OVER if isinstance(error, _Conflict) else 0.0,
                )
                continue
            ids = [id for raw in fetched if (id := _update_id(raw)) is not None]
            if fetched and not ids:
                await trouble.wait("no update that came has an update_id")
                continue
            # Back to 0 once the offset was taken: after a week without updates Telegram goes on with a random id, which
            # may be lower.
            offset = max(ids) + 1 if ids else 0
            trouble.over()

    async def _fetch(self, offset: int) -> list[msgspec.Raw]:
        result = await self._poll_call(
            "getUpdates",
            {"offset": offset, "timeout": POLL_TIMEOUT, "allowed_updates": _KINDS},
            timeout=POLL_TIMEOUT + self._timeout,
        )
        return decode(_batch_decoder, result)

    async def _poll_call(self, method: str, payload: dict[str, Any], timeout: float | None = None) -> msgspec.Raw:
        status, answer = await self._call(method, payload, timeout)
        if status in _TOKEN_UNKNOWN:
            raise StartError(f"Telegram does not know this token ({self._reason(status, answer)}): check api_token")
        if status == 409:
            raise _Conflict(f"another program takes this bot's updates ({self._reason(status, answer)})")
        return self._result(status, answer)

    def _parse_fetched(self, raw: msgspec.Raw) -> list[Update]:
        """Parse one of many: the others must not wait for ever for one that is malformed."""
        try:
            return self._parse(bytes(raw))
        except BadRequest as error:
            logger.error("Skipped an update of Telegram: %s", error)
            return []

    async def _call(self, method: str, payload: dict[str, Any], timeout: float | None = None) -> tuple[int, _Answer]:
        """Call a method of the API; return HTTP status and answer, which is not `ok` if it could not be read."""
        assert self._client is not None, "the channel is used between start and close"
        status, body, _ = await self._client.post_json(self._path + method, payload, timeout=timeout)
        try:
            return status, decode(_answer_decoder, body)
        except BadRequest:
            return status, _Answer(ok=False)

    def _result(self, status: int, answer: _Answer) -> msgspec.Raw:
        """Return the result of a call that succeeded.

        Raises:
            RetryLater, OutcomeUnknown, Undeliverable: It did not.
        """
        if status == 200 and answer.ok:
            return answer.result
        reason = self._reason(status, answer)
        if status == 429:
            retry_after = answer.parameters.retry_after if answer.parameters else None
            raise RetryLater(reason, None if retry_after is None else max(retry_after, 0.0))
        if status in _TOKEN_UNKNOWN:
            raise RetryLater(f"Telegram does not know this token ({reason}): check api_token")
        if 300 <= status < 400:
            raise RetryLater(f"{reason}, a redirect, which is not followed: check api_url")
        if 400 <= status < 500:
            raise Undeliverable(reason)
        raise OutcomeUnknown(reason)

    def _reason(self, status: int, answer: _Answer) -> str:
        """Return Telegram's own text, without a secret that it might repeat."""
        text = answer.description
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text[:REASON_LIMIT] or f"HTTP status {status}"


class _Conflict(RetryLater):
    """Somebody else polls with the same token."""


class _Trouble:
    """Waits between attempts, and tells the log when trouble begins, changes and ends."""

    def __init__(self) -> None:
        self._attempts = 0
        self._reason: str | None = None
        self._over_at = 0.0

    async def wait(self, reason: str, at_least: float | None = None, over_after: float = 0.0) -> None:
        self._over_at = time.monotonic() + over_after
        if reason != self._reason:
            logger.warning("Polling Telegram does not work now and is tried again: %s", reason)
            self._reason = reason
        self._attempts += 1
        await asyncio.sleep(max(at_least or 0.0, backoff(self._attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)))

    def over(self) -> None:
        if self._reason is not None and time.monotonic() >= self._over_at:
            logger.warning("Polling Telegram works again")
            self._reason = None
            self._attempts = 0


def _message(message: _Message) -> Message | None:
    """Return what a bot is told of a message; None for kinds that it has nothing to say to (stickers, joins)."""
    if message.text is not None:
        return {"text": message.text}
    if not message.photo:
        return None
    photo = max(message.photo, key=lambda size: size.width * size.height)
    image: dict[str, Any] = {"file_id": photo.file_id, "width": photo.width, "height": photo.height}
    if photo.file_size is not None:
        image["size"] = photo.file_size
    if message.caption is not None:
        image["caption"] = message.caption
    return {"image": image}


def _request(content: dict[str, Any], dialog: Dialog) -> tuple[str, dict[str, Any]]:
    """Return method and payload that send a command's content.

    Raises:
        Undeliverable: There is none.
    """
    try:
        payload: dict[str, Any] = {"chat_id": int(dialog.user)}
    except ValueError:
        raise Undeliverable("The user is not the id of a Telegram chat") from None
    text = content.get("text")
    if isinstance(text, str):
        payload["text"] = text
        return "sendMessage", payload
    image = content.get("image")
    if isinstance(image, dict) and isinstance(image.get("url"), str):
        payload["photo"] = image["url"]
        if image.get("caption") is not None:
            payload["caption"] = image["caption"]
        return "sendPhoto", payload
    raise Undeliverable(f"Telegram cannot be sent a reply with {', '.join(content) or 'nothing'}")


def _update_id(raw: msgspec.Raw) -> int | None:
    try:
        return decode(_identity_decoder, raw).update_id
    except BadRequest:
        return None


def _derived_secret(token: str) -> str:
    return hmac.new(token.encode(), b"maxbot: the secret of Telegram's webhooks", hashlib.sha256).hexdigest()


def _check_options(api_token: str, api_url: str, secret_token: str | None, timeout: float) -> None:
    if not re.fullmatch(r"[!-.0-~]+", api_token):
        raise ValueError("api_token is what @BotFather gave you, like 123456:ABC-DEF; this is none")
    if secret_token is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret_token):
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
