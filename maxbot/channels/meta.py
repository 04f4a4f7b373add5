"""What Messenger and WhatsApp have in common: Meta's webhooks, and its Graph API.

Handshake: `GET ?hub.mode=subscribe&hub.verify_token=V&hub.challenge=C` is answered with C, 403 where V is wrong.
Proof: `X-Hub-Signature-256: sha256=` and the HMAC-SHA-256 of the body, the app's secret being the key. Neither has a
time in it: what is delivered again is recognised by its key alone. The older `X-Hub-Signature` (SHA-1) proves nothing.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started, #verification-requests, #payload
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from maxbot.channels.base import Answer, Channel, Received, Request, Services, matches
from maxbot.channels.client import ApiClient
from maxbot.channels.http import Response
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
from maxbot.channels.signature import Signatures
from maxbot.channels.verdict import not_theirs, shown
from maxbot.errors import BadRequest, Forbidden, OutcomeUnknown, RetryLater, SendError, Unauthorized

API_URL = "https://graph.facebook.com"
API_VERSION = "v25.0"
"""Of April 2026. A version lives about two years: https://developers.facebook.com/docs/graph-api/changelog/versions"""

SIGNATURE = "x-hub-signature-256"
BODY_LIMIT = 4 * 1024 * 1024
"""Bytes; a delivery has up to 1,000 updates, and WhatsApp's may have 3 MB: one that is refused comes for days."""

TOO_MANY_PAUSE = 60.0
"""Seconds after a 429 in Meta's words, whatever its code: none are named."""

KEY_LIMIT = 200


class ErrorData(msgspec.Struct):
    """What WhatsApp adds."""

    details: str = ""


class GraphError(msgspec.Struct):
    """https://developers.facebook.com/docs/graph-api/guides/error-handling"""

    message: str = ""
    code: int = 0
    error_subcode: int | None = None
    is_transient: bool = False
    error_data: ErrorData | str | None = None

    def __str__(self) -> str:
        details = self.error_data.details if isinstance(self.error_data, ErrorData) else ""
        subcode = f"/{self.error_subcode}" if self.error_subcode else ""
        return f"({self.code}{subcode}) {details or self.message}"


class _Answer(msgspec.Struct):
    error: GraphError | None = None


_decoder = msgspec.json.Decoder(_Answer)


class MetaOptions(ApiOptions, forbid_unknown_fields=True, kw_only=True):
    """What both channels may have in a bot.yaml; as in the constructor."""

    app_secret: Secret
    access_token: str
    verify_token: Secret | None = None
    api_url: str = API_URL
    api_version: str = API_VERSION


Judge = Callable[[GraphError, str], SendError]
"""Says what an error in Meta's words means for a message; gets the words that may be shown."""


class Graph:
    """Calls the Graph API with one token.

    Args:
        client: For `https://graph.facebook.com`, with the token in its headers.
        version: `v25.0`.
        judge: For errors.
        secrets: Are taken out of what Meta says: it repeats tokens that it does not like.
    """

    def __init__(self, client: ApiClient, version: str, judge: Judge, secrets: Sequence[str]) -> None:
        self._client = client
        self._base = f"/{version}/"
        self._judge = judge
        self._secrets = secrets

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def post(self, path: str, payload: Mapping[str, Any]) -> None:
        """Have something done.

        Raises:
            SendError: It was not.
        """
        failure = self._failure(await self._client.post_json(self._base + path, payload))
        if failure is not None:
            raise failure

    async def get(self, path: str) -> bytes:
        """Ask for something, and return the answer: JSON.

        Raises:
            SendError: There is none.
        """
        response = await self._client.get(self._base + path)
        failure = self._failure(response)
        if failure is not None:
            raise failure
        return response.body

    def _failure(self, response: Response) -> SendError | None:
        """Return what a response says of a call, by whom it comes from and then by its code."""
        try:
            error = _decoder.decode(response.body).error
            its_own = True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            error, its_own = None, False
        status = response.status
        if error is None:
            if 200 <= status < 300 and its_own:
                return None
            return not_theirs(status, "Meta")
        reason = shown(str(error), self._secrets)
        if status == 429:
            return RetryLater(reason, TOO_MANY_PAUSE, reach="channel")
        return OutcomeUnknown(reason) if status >= 500 else self._judge(error, reason)


def update_key(id: str) -> str:
    """Return an id of Meta's as a key of an update."""
    return id if len(id) <= KEY_LIMIT else hashlib.sha256(id.encode()).hexdigest()


def milliseconds(timestamp: int | str) -> int | None:
    """Return a time of a webhook in milliseconds; some come in seconds, some as texts."""
    if isinstance(timestamp, str):
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 16):
            return None
        timestamp = int(timestamp)
    if not 0 < timestamp < 10**15:
        return None
    return timestamp if timestamp >= 10**11 else timestamp * 1000


class MetaChannel(Channel):
    """A channel whose webhooks and calls are Meta's.

    Args:
        app_secret: Of the app (Settings, Basic); of several each will do.
        access_token: For calls.
        verify_token: What the app's dashboard was told; None refuses every handshake.
        api_url: Of the Graph API.
        api_version: `v25.0`.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    methods = ("GET", "POST")
    body_limit = BODY_LIMIT
    token_pattern = re.compile(r"\bEAA[A-Za-z0-9]{20,}")

    def __init__(
        self,
        *,
        app_secret: str | Sequence[str],
        access_token: str,
        verify_token: str | Sequence[str] | None,
        api_url: str,
        api_version: str,
        timeout: float | Timeouts,
        limits: Limits | None,
    ) -> None:
        self._app_secrets = secrets_of(app_secret)
        self._verify_tokens = secrets_of(verify_token)
        check_secrets("app_secret", self._app_secrets)
        self._signatures = Signatures(self._app_secrets)
        check_secrets("access_token", (access_token,))
        if self._verify_tokens or verify_token is not None:
            check_secrets("verify_token", self._verify_tokens)
        check_api_url(api_url)
        if not re.fullmatch(r"v\d{1,3}\.\d", api_version):
            raise ValueError(f"api_version is one of the Graph API, like {API_VERSION}")
        self._access_token = access_token
        self._api_url = api_url.rstrip("/")
        self._api_version = api_version
        self._timeout = whole_call(timeout)
        self._limits = limits
        self._graph: Graph | None = None

    @property
    def secrets(self) -> Sequence[str]:
        """The app's secret, and both tokens."""
        return (self._access_token, *self._app_secrets, *self._verify_tokens)

    async def receive(self, request: Request) -> Received:
        """Answer a handshake, or read the updates of a webhook.

        Raises:
            Forbidden: The token of a handshake is wrong.
        """
        if request.method == "GET":
            return Received(answer=self._shake_hands(request.query))
        return await super().receive(request)

    def verify(self, request: Request) -> None:
        """Compare the signature of a webhook with that of its bytes.

        Raises:
            Unauthorized: It is missing or wrong.
        """
        scheme, _, given = request.headers.get(SIGNATURE, "").partition("=")
        if scheme != "sha256" or not self._signatures.fit(given, request.body):
            raise Unauthorized(f"The header {SIGNATURE} is missing or wrong")

    def _shake_hands(self, query: Mapping[str, str]) -> Answer:
        right = matches(query.get("hub.verify_token", ""), self._verify_tokens)
        if query.get("hub.mode") != "subscribe" or not right:
            raise Forbidden("hub.verify_token is not the channel's verify_token")
        challenge = query.get("hub.challenge", "")
        if not re.fullmatch(r"[!-~]{1,200}", challenge):
            raise BadRequest("hub.challenge is missing")
        return Answer(challenge.encode())

    async def start(self, services: Services) -> None:
        """Open the connections to the Graph API."""
        client = ApiClient(
            self._api_url,
            self._timeout,
            connections=connections(self._limits, services.connections),
            headers={"Authorization": f"Bearer {self._access_token}"},
        )
        self._graph = Graph(client, self._api_version, self._judge, self.secrets)

    async def close(self) -> None:
        """Close them."""
        if self._graph is not None:
            await self._graph.close()
            self._graph = None

    def _judge(self, error: GraphError, reason: str) -> SendError:
        """Return what an error of the Graph API means for a message."""
        raise NotImplementedError

    @property
    def _started(self) -> Graph:
        assert self._graph is not None, "the channel is used between start and close"
        return self._graph

    def _advice(self, object: str, fields: str, url: str) -> str:
        """Return what to enter where: the dashboard is the only place for it."""
        token = "your verify_token" if self._verify_tokens else "a verify_token (this channel has none yet: add one)"
        return (
            f"{self.name}: enter {url} as the callback URL and {token} in the app's dashboard under Webhooks, "
            f"{object}, and subscribe to {fields}"
        )
