"""The channel of Slack."""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from maxbot.channels.base import Answer, Channel, Growth, Received, Request, Services
from maxbot.channels.client import ApiClient
from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.expand import Abilities
from maxbot.channels.media import USUAL, Bounds, Media, Owner, file_id
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
from maxbot.channels.signature import Signatures
from maxbot.channels.slack.api import SlackApi
from maxbot.channels.slack.files import HOSTS, fetch
from maxbot.channels.slack.growing import Growing
from maxbot.channels.slack.mrkdwn import escaped_size
from maxbot.channels.slack.replies import Post, post
from maxbot.channels.slack.updates import FORMS, envelope, read
from maxbot.channels.slack.uploads import Uploads
from maxbot.channels.split import Limit
from maxbot.errors import DialogClosed, Unauthorized, Undeliverable
from maxbot.types import Address, Begun, Command, Dialog, Update

logger = logging.getLogger(__name__)

API_URL = "https://slack.com/api"

SIGNATURE_HEADER, TIME_HEADER = "x-slack-signature", "x-slack-request-timestamp"

REPLAY_WINDOW = 300
"""Seconds that a webhook's time may differ from ours, https://docs.slack.dev/authentication/verifying-requests-from-slack"""

RATE, BURST = 1.0, 5.0
"""Messages a second in a channel, and how many may go at once: https://docs.slack.dev/apis/web-api/rate-limits"""

WORKSPACE_RATE, WORKSPACE_BURST = 5.0, 100.0
"""The same for all channels together: "several hundred a minute"."""

_TIME = re.compile("[0-9]{1,12}")

HANDSHAKE = "url_verification"
LIMITED = "app_rate_limited"
_HANDSHAKE, _LIMITED = HANDSHAKE.encode(), LIMITED.encode()


class SlackChannel(Channel):
    """An app of Slack in one workspace, by its Events API. A user is a channel: a direct message is one of its own, in
    others all members are one dialog. Who writes in a thread is answered there.

    Args:
        signing_secret: Of the app (Basic Information); of several each will do.
        bot_token: Of the app in its workspace (OAuth & Permissions), `xoxb-…`.
        native: Types and subtypes of events that the bot is told of as they are, like `reaction_added`.
        private_hosts: Are asked for the files of replies although they are not public.
        rate: Messages a second in a channel.
        workspace_rate: Messages a second, of all workers together.
        api_url: Of Slack.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.
        clock: Seconds since 1970.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "slack"
    token_pattern = re.compile(r"\bxox[a-z](\.xox[a-z])?-[A-Za-z0-9-]{10,}")
    # https://docs.slack.dev/reference/block-kit/blocks: a section has 3,000 characters, of which marks take some;
    # actions have 25 elements; https://docs.slack.dev/reference/block-kit/block-elements/button-element
    # chat.update is of tier 3: 50 calls a minute, https://docs.slack.dev/apis/web-api/rate-limits
    growth = Growth(every=1.5, lasts=True, finds=True)
    abilities = Abilities(
        sends=("text", "image", "file", "audio", "video", "buttons", "quick_replies", "native"),
        text=Limit(4000, escaped_size),
        caption=Limit(2000, escaped_size),
        offer=Limit(2800, escaped_size),
        buttons=25,
        buttons_below_image=25,
        quick_replies=25,
        title=Limit(75),
        payload=Limit(2000),
        reply_payload=Limit(2000),
    )

    class Options(ApiOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        signing_secret: Secret
        bot_token: str
        native: list[str] = []
        private_hosts: list[str] = []
        rate: float = RATE
        workspace_rate: float = WORKSPACE_RATE
        api_url: str = API_URL

    def __init__(
        self,
        *,
        signing_secret: str | Sequence[str],
        bot_token: str,
        native: Sequence[str] = (),
        private_hosts: Sequence[str] = (),
        rate: float = RATE,
        workspace_rate: float = WORKSPACE_RATE,
        api_url: str = API_URL,
        timeout: float | Timeouts = 30.0,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signing_secrets = secrets_of(signing_secret)
        check_secrets("signing_secret", self._signing_secrets)
        self._signatures = Signatures(self._signing_secrets)
        check_secrets("bot_token", [bot_token])
        check_api_url(api_url)
        for name, value in (("rate", rate), ("workspace_rate", workspace_rate)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} is a number of messages a second above 0")
        self._token = bot_token
        self._native = frozenset(native)
        self._private_hosts = tuple(private_hosts)
        self._rates = rate, workspace_rate
        self._api_url = api_url.rstrip("/")
        self._timeout = whole_call(timeout)
        self._limits = limits
        self._clock = clock
        self._line: _Line | None = None

    @property
    def secrets(self) -> Sequence[str]:
        """The app's token, and what webhooks are signed with."""
        return (self._token, *self._signing_secrets)

    def verify(self, request: Request) -> None:
        """Check the signature of a webhook over its time and its bytes, and that its time is now.

        Raises:
            Unauthorized: It is missing, wrong or old.

        Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
        """
        sent_at = request.headers.get(TIME_HEADER, "")
        if not _TIME.fullmatch(sent_at):
            raise Unauthorized(f"The header {TIME_HEADER} is missing or no time")
        version, _, signature = request.headers.get(SIGNATURE_HEADER, "").partition("=")
        if version != "v0" or not self._signatures.fit(signature, f"v0:{sent_at}:".encode(), request.body):
            raise Unauthorized(f"The header {SIGNATURE_HEADER} is missing or wrong")
        if abs(self._clock() - int(sent_at)) > REPLAY_WINDOW:
            raise Unauthorized("The webhook is of another time than now: see that this machine's clock is right")

    async def receive(self, request: Request) -> Received:
        """Read the one event of a webhook, or answer what Slack asks of a new URL."""
        self.verify(request)
        if (_HANDSHAKE in request.body or _LIMITED in request.body) and not request.body.startswith(FORMS):
            event = envelope(request.body)
            if event.type == HANDSHAKE:
                return Received(answer=Answer(event.challenge.encode()))
            if event.type == LIMITED:
                logger.warning("Slack drops events of this app now: they are more than 30,000 in an hour")
        return Received(self.parse(request))

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which has one event or one press, into at most one update.

        Raises:
            BadRequest: It is nothing that Slack delivers.

        Source: https://docs.slack.dev/apis/events-api/
        """
        update = read(request.body, self.name, self._native)
        return [] if update is None else [update]

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        post(content)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to Slack.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages, or somebody on the way answered.
            Misconfigured: The token is wrong, or lacks a scope.
            OutcomeUnknown: It left, and Slack failed, or said nothing within the channel's timeout.
            Undeliverable: Slack refused it; `reason` is its own word.
            DialogClosed: There is no such channel any more, or the app is not in it.

        Source: https://docs.slack.dev/reference/methods/chat.postMessage
        """
        line, message = self._started, post(command.content)
        await in_turn(line.pace, line.dialog_pace, dialog)
        thread = _thread(command.address)
        if message.upload is not None and (uploaded := await line.uploads.put(message.upload)) is not None:
            await line.api.call("files.completeUploadExternal", {"channel_id": dialog.user, **uploaded, **thread})
            return
        where = {"channel": dialog.user, **thread}
        if command.begun is None or not await line.growing.finished(
            message.payload, where, command.begun_key, command.begun
        ):
            await self._post(line.api, message, where)

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        """Post what there is of a reply, and change the message then.

        Source: https://docs.slack.dev/reference/methods/chat.update
        """
        line, payload = self._started, post({"text": text}).payload
        await in_turn(line.pace, line.dialog_pace, dialog)
        return await line.growing.draft(payload, {"channel": dialog.user, **_thread(address)}, key, begun)

    async def fetch(self, file: Mapping[str, Any], bounds: Bounds = USUAL) -> Media:
        """Fetch what a user sent, by its `file_id`. The app has the scope `files:read`."""
        owner = Owner(self._api_url, HOSTS, {"Authorization": f"Bearer {self._token}"})
        return await fetch(self._started.api, file_id(file, "Slack"), owner, bounds)

    async def _post(self, api: SlackApi, message: Post, where: dict[str, Any]) -> None:
        try:
            await api.call("chat.postMessage", {**message.payload, **where})
            return
        except DialogClosed:
            raise
        except Undeliverable as error:
            if message.instead is None:
                raise
            logger.warning("An image is sent to Slack as a link, as Slack does not take it: %s", error)
        await api.call("chat.postMessage", {**message.instead, **where})

    async def start(self, services: Services) -> None:
        """Open the connections to the API, and begin to count."""
        limit = connections(self._limits, services.connections)
        headers = {"Authorization": f"Bearer {self._token}"}
        client = ApiClient(self._api_url, self._timeout, connections=limit, headers=headers)
        elsewhere = Elsewhere(self._timeout, limit)
        api = SlackApi(client, self.secrets)
        rate, workspace_rate = self._rates
        self._line = _Line(
            client=client,
            elsewhere=elsewhere,
            api=api,
            growing=Growing(api, self._clock),
            uploads=Uploads(api, elsewhere, self._private_hosts),
            pace=Pace(workspace_rate, WORKSPACE_BURST, share=services.share),
            dialog_pace=Pace(rate, BURST),
        )

    async def close(self) -> None:
        """Close them."""
        line, self._line = self._line, None
        if line is not None:
            await line.client.close()
            await line.elsewhere.close()

    async def register(self, url: str) -> None:
        """Say what to enter where: without a token of its own kind no app can be changed by a program."""
        logger.info("%s", _advice(url))

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Say what to enter where."""
        return None if registers else _advice(f"https://YOUR-HOST/{self.name}")

    @property
    def _started(self) -> "_Line":
        assert self._line is not None, "the channel is used between start and close"
        return self._line


def _thread(address: Address | None) -> dict[str, Any]:
    """Return what keeps an answer in its thread."""
    return {name: value for name, value in (address or {}).items() if name == "thread_ts"}


class _Line(msgspec.Struct):
    """What there is between `start` and `close`."""

    client: ApiClient
    elsewhere: Elsewhere
    """For the hosts that Slack names; without the token."""
    api: SlackApi
    growing: Growing
    uploads: Uploads
    pace: Pace
    dialog_pace: Pace


def _advice(url: str) -> str:
    return (
        f"At https://api.slack.com/apps, enter {url} as Request URL of Event Subscriptions (message.im, app_mention) "
        "and of Interactivity"
    )
