"""The channel of WhatsApp's Cloud API."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from maxbot.channels.base import Received, Request, Services
from maxbot.channels.media import USUAL, Bounds, Media, Owner, file_id
from maxbot.channels.meta import API_URL, API_VERSION, GraphError, MetaChannel, MetaOptions
from maxbot.channels.native import chosen
from maxbot.channels.options import Burst, Limits, Rate, Timeouts
from maxbot.channels.pace import Pace, in_turn
from maxbot.channels.replies import made
from maxbot.channels.whatsapp.failures import FILES, Attempts, judge
from maxbot.channels.whatsapp.files import HOSTS, fetch
from maxbot.channels.whatsapp.names import Names
from maxbot.channels.whatsapp.replies import ABILITIES, BUTTON_TITLE, WINDOW, makers
from maxbot.channels.whatsapp.updates import NATIVE, Said, read
from maxbot.errors import RetryLater, SendError, Undeliverable
from maxbot.types import Address, Command, Dialog, Update

DELIVERED_FOR = 8 * 86400.0
"""Seconds: what is not answered comes again for seven days, and one more to be sure."""

RATE = 80.0
"""Messages a second for a number, those that come counted: …/whatsapp/throughput. Some have 20, some 1,000."""

USER_RATE = 1 / 6
"""Messages a second to one user, …"""

USER_BURST = 45
"""… of which so many may go at once after a quiet time (not verified: 131056 is obeyed whatever it is)."""

FILE_ATTEMPTS = 3


class _FileFailed(RetryLater):
    """Meta could not fetch or keep a file."""


class WhatsAppChannel(MetaChannel):
    """A number of WhatsApp Business. A user is a phone number in digits, or the id of somebody who hides it.

    Args:
        app_secret: Of the app (Settings, Basic); of several each will do.
        access_token: Of a system user who may manage the account.
        phone_number_id: Of the number that the bot writes from; messages to others of the app are left out.
        verify_token: What the app's dashboard was told; None refuses its handshake.
        business_account_id: With it the server subscribes the app to the account's messages itself.
        list_button: What opens a list: more than three buttons are one. Up to 20 characters.
        native: Messages that the bot gets as they are: `sticker`, `reaction`, `order`, `nfm_reply` …
        rate: Messages a second of the number, shared by all workers.
        user_burst: Messages to one user that may go at once after a quiet time; then it is one in six seconds.
        api_url: Of the Graph API.
        api_version: Of the Graph API.
        timeout: Seconds for a call, or its parts.
        limits: Of connections.

    Raises:
        ValueError: One of them cannot be used. The text does not repeat it.
    """

    type = "whatsapp"
    abilities = ABILITIES
    window = WINDOW
    keep_seen = DELIVERED_FOR

    class Options(MetaOptions, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        phone_number_id: str
        business_account_id: str | None = None
        list_button: str = "Menu"
        native: list[str] = []
        rate: Rate = RATE
        user_burst: Burst = USER_BURST

    def __init__(
        self,
        *,
        app_secret: str | Sequence[str],
        access_token: str,
        phone_number_id: str,
        verify_token: str | Sequence[str] | None = None,
        business_account_id: str | None = None,
        list_button: str = "Menu",
        native: Sequence[str] = (),
        rate: float = RATE,
        user_burst: int = USER_BURST,
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
        if not re.fullmatch(r"[0-9]{1,30}", phone_number_id):
            raise ValueError(
                "phone_number_id is the number of a phone number in the app's dashboard, and not its digits"
            )
        if business_account_id is not None and not re.fullmatch(r"[0-9]{1,30}", business_account_id):
            raise ValueError("business_account_id is the number of an account in the app's dashboard")
        if not list_button.strip() or not BUTTON_TITLE.fits(list_button):
            raise ValueError("list_button has 1 to 20 characters")
        self._number = phone_number_id
        self._account = business_account_id
        self._makers = makers(list_button)
        self._attempts = Attempts(FILE_ATTEMPTS)
        self._native = chosen(native, NATIVE)
        self._rate = rate
        self._user_burst = user_burst
        self._names: Names | None = None

    def parse(self, request: Request) -> list[Update]:
        """Turn a webhook, which may have many messages, into updates.

        Raises:
            BadRequest: It is no delivery of WhatsApp.
        """
        return [one.update for one in read(request.body, self.name, self._number, self._native)]

    async def receive(self, request: Request) -> Received:
        """Read a delivery, or answer a handshake. Who hides a number goes on with the dialog that began with it."""
        if request.method == "GET":
            return await super().receive(request)
        self.verify(request)
        return Received([await self._named(one) for one in read(request.body, self.name, self._number, self._native)])

    async def _named(self, said: Said) -> Update:
        if said.id is None or self._names is None:
            return said.update
        name = await self._names.of(said.id, said.number)
        return msgspec.structs.replace(said.update, dialog=Dialog(self.name, name))

    def check(self, content: dict[str, Any]) -> None:
        """See what its message would be."""
        made(content, "WhatsApp", self._makers)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Hand one command to WhatsApp.

        Raises:
            RetryLater: Nothing was sent: no connection, too many messages, or somebody on the way answered.
            Misconfigured: The token, a permission or the account is at fault.
            OutcomeUnknown: It left, and what came within the channel's timeout is a failure of Meta's, or nothing.
            Undeliverable: Meta refused it.
            DialogClosed: The user wrote more than 24 hours ago.

        Source: …/whatsapp/reference/whatsapp-business-phone-number/message-api
        """
        message = made(command.content, "WhatsApp", self._makers)
        await in_turn(self._pace, self._user_pace, dialog)
        try:
            await self._post({"recipient_type": "individual", **_recipient(dialog), **message})
        except _FileFailed as error:
            if self._attempts.last(command.key):
                raise Undeliverable(f"{error.reason}, {FILE_ATTEMPTS} times") from None
            raise

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show that the bot is typing, for 25 seconds or until its next message; marks the user's as read."""
        message_id = (address or {}).get("message_id")
        if message_id:
            await self._post({"status": "read", "message_id": message_id, "typing_indicator": {"type": "text"}})

    async def fetch(self, file: Mapping[str, Any], bounds: Bounds = USUAL) -> Media:
        """Fetch what a user sent in the last seven days, by its `file_id`."""
        owner = Owner(self._api_url, HOSTS, {"Authorization": f"Bearer {self._access_token}"})
        return await fetch(self._started, file_id(file, "WhatsApp"), owner, bounds)

    async def start(self, services: Services) -> None:
        """Open the connections, and begin to count."""
        await super().start(services)
        self._names = Names(services.notes, self.name)
        self._pace = Pace(self._rate, self._rate, share=services.share)
        self._user_pace = Pace(USER_RATE, self._user_burst)

    async def register(self, url: str) -> None:
        """Have the account's messages delivered to the app, where the account is known.

        Raises:
            SendError: Meta did not take it; the text is its own.

        Source: …/whatsapp/reference/whatsapp-business-account/subscribed-apps-api
        """
        if self._account is None:
            return
        try:
            await self._started.post(f"{self._account}/subscribed_apps", {})
        except SendError as error:
            raise SendError(f"Meta did not subscribe the app to the account's messages: {error}") from None

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Say what to enter in the dashboard."""
        return self._advice("WhatsApp Business Account", "messages", f"https://YOUR-HOST/{self.name}")

    async def _post(self, payload: dict[str, Any]) -> None:
        await self._started.post(f"{self._number}/messages", {"messaging_product": "whatsapp", **payload})

    def _judge(self, error: GraphError, reason: str) -> SendError:
        return _FileFailed(reason) if error.code in FILES else judge(error, reason)


def _recipient(dialog: Dialog) -> dict[str, str]:
    """Return whom a message is for: a number, or the id of somebody who hides it."""
    return {"to" if dialog.user.isdecimal() else "recipient": dialog.user}
