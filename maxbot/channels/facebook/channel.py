"""The channel of Messenger."""

import re
from collections.abc import Sequence
from typing import Any

from maxbot.channels.base import Request, Services
from maxbot.channels.facebook.failures import judge
from maxbot.channels.facebook.replies import ABILITIES, MAKERS, WINDOW, sending
from maxbot.channels.facebook.updates import NATIVE, read
from maxbot.channels.meta import API_URL, API_VERSION, GraphError, MetaChannel, MetaOptions
from maxbot.channels.native import chosen
from maxbot.channels.options import Limits, Rate, Timeouts
from maxbot.channels.pace import Pace, in_turn
from maxbot.channels.replies import made
from maxbot.commands import kind_of
from maxbot.errors import SendError
from maxbot.types import Address, Command, Dialog, Update

RATE = 300.0
"""Texts a second for a page, …/messenger-platform/overview/rate-limiting"""

MEDIA_RATE = 10.0
"""Messages with audio or video a second."""

FIELDS = "messages,messaging_postbacks"

NATIVE_FIELDS = {
    "reaction": "message_reactions",
    "referral": "messaging_referrals",
    "optin": "messaging_optins",
    "message_edit": "message_edits",
    "delivery": "message_deliveries",
    "read": "message_reads",
}
"""What must be subscribed to for each kind of events."""


class FacebookChannel(MetaChannel):
    """A page's Messenger. A user is the sender of a message, by the id that Meta gives it for this page.

    Args:
        app_secret: Of the app (Settings, Basic); of several each will do.
        access_token: Of the page.
        verify_token: What the app's dashboard was told; None refuses its handshake.
        page_id: Messages to other pages of the app are left out; None takes those of all pages.
        native: Events that the bot gets as they are, beside messages: `reaction`, `referral`, `optin` …
        rate: Messages a second of the page, shared by all workers; those with audio or video are ten.
        api_url: Of the Graph API.
        api_version: Of the Graph API.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "facebook"
    abilities = ABILITIES
    window = WINDOW

    class Options(MetaOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        page_id: str | None = None
        native: list[str] = []
        rate: Rate = RATE

    def __init__(
        self,
        *,
        app_secret: str | Sequence[str],
        access_token: str,
        verify_token: str | Sequence[str] | None = None,
        page_id: str | None = None,
        native: Sequence[str] = (),
        rate: float = RATE,
        api_url: str = API_URL,
        api_version: str = API_VERSION,
        timeout: float | Timeouts = 30.0,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(
            app_secret=app_secret,
            access_token=access_token,
            verify_token=verify_token,
            api_url=api_url,
            api_version=api_version,
            timeout=timeout,
            limits=limits,
        )
        if page_id is not None and not re.fullmatch(r"[0-9]{1,30}", page_id):
            raise ValueError("page_id is the number of a page, as its settings show it")
        self._page_id = page_id
        self._native = chosen(native, NATIVE)
        self._rate = rate

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which may have many events, into updates.

        Raises:
            BadRequest: It is no delivery of Messenger.
        """
        return read(request.body, self.name, self._page_id, self._native)

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        made(content, "Messenger", MAKERS)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to Messenger, as a response to what the user wrote in the last 24 hours, or with a tag.

        Raises:
            RetryLater: Nothing was sent: no connection, too many calls, or somebody on the way answered.
            Misconfigured: The token or a permission is gone.
            OutcomeUnknown: It left, and what came within the channel's timeout is a failure of Meta's, or nothing.
            Undeliverable: Meta refused it.
            DialogClosed: The 24 hours are over, or the user blocked the page.

        Source: …/messenger-platform/reference/send-api
        """
        message = made(command.content, "Messenger", MAKERS)
        heavy = kind_of(command.content) in ("audio", "video")
        await in_turn(self._media_pace if heavy else self._pace)
        await self._started.post("me/messages", {"recipient": {"id": dialog.user}, **sending(message)})

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show that the bot is typing, for about 20 seconds or until its next message."""
        await self._started.post("me/messages", {"recipient": {"id": dialog.user}, "sender_action": "typing_on"})

    async def start(self, services: Services) -> None:
        """Open the connections, and begin to count."""
        await super().start(services)
        self._pace = Pace(self._rate, self._rate, share=services.share)
        self._media_pace = Pace(MEDIA_RATE, MEDIA_RATE, share=services.share)

    async def register(self, url: str) -> None:
        """Have the page's messages delivered to its app. Where the app delivers to, only its dashboard can be told.

        Raises:
            SendError: Meta did not take it; the text is its own.

        Source: https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
        """
        try:
            await self._started.post("me/subscribed_apps", {"subscribed_fields": self._fields})
        except SendError as error:
            raise SendError(f"Meta did not subscribe the app to the page's messages: {error}") from None

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Say what to enter in the dashboard."""
        return self._advice("Page", self._fields.replace(",", ", "), f"https://YOUR-HOST/{self.name}")

    @property
    def _fields(self) -> str:
        return ",".join([FIELDS, *(NATIVE_FIELDS[kind] for kind in NATIVE if kind in self._native)])

    def _judge(self, error: GraphError, reason: str) -> SendError:
        return judge(error, reason)
