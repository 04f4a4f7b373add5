"""A stand-in of Viber's API: https://developers.viber.com/docs/api/rest-bot-api"""

import hmac
from typing import Any

import msgspec

from tests.support.faults import Fate
from tests.support.platforms import Call, PlatformStandIn, Refused, utf16

TOKEN = "44dafb7e0f40021e-61a47a1e6778d187-f2c5a676a07050b3"
"""Of the test in Viber's own SDK: https://github.com/Viber/viber-bot-python, tests/test_api.py"""

TYPES = ("text", "picture", "video", "file", "location", "contact", "url", "sticker", "rich_media")


def signed(body: bytes, token: str = TOKEN) -> dict[str, str]:
    """Return the headers of a webhook."""
    return {"x-viber-content-signature": hmac.new(token.encode(), body, "sha256").hexdigest()}


def said(token: int, user: str = "01234567890A=", timestamp: int = 1481142112807, **message: Any) -> bytes:
    """Return a webhook's body: a user's message, its type text unless said."""
    return msgspec.json.encode(
        {
            "event": "message",
            "timestamp": timestamp,
            "chat_hostname": "SN-CALLBACK-01_",
            "message_token": token,
            "sender": {"id": user, "name": "Ada", "language": "en", "country": "GB", "api_version": 10},
            "message": {"type": "text", **message},
            "silent": False,
        }
    )


def refused(status: int, message: str) -> Refused:
    """Return an error: Viber says 200 whatever became of a call."""
    return Refused(200, {"status": status, "status_message": message})


class ViberStandIn(PlatformStandIn):
    """Viber, as far as a bot sees it."""

    webhook: str | None = None

    def recipient(self, path: str, content: dict[str, Any]) -> str:
        return str(content.get("receiver", "")) if path == "/pa/send_message" else ""

    def check(self, call: Call) -> None:
        if call.headers.get("x-viber-auth-token") != TOKEN:
            raise refused(2, f"invalidAuthToken {call.headers.get('x-viber-auth-token')}")
        if call.path == "/pa/set_webhook":
            if not str(call.content.get("url", "")).startswith("https://"):
                raise refused(1, "invalidUrl")
            self.webhook = call.content["url"]
        elif call.path == "/pa/send_message":
            self._check_message(call)
        elif call.path != "/pa/get_account_info":
            raise Refused(404, {"error": "not found"})

    def _check_message(self, call: Call) -> None:
        content = call.content
        if call.user in self.closed:
            raise refused(6, "notSubscribed")
        if not 1 <= len(content.get("sender", {}).get("name", "")) <= 28:
            raise refused(4, "missingData: sender name")
        if content.get("type") not in TYPES:
            raise refused(3, "badData: type")
        if len(msgspec.json.encode(content)) > 30_000:
            raise refused(3, "badData: the request is larger than 30 kB")
        if utf16(content.get("text", "")) > (7000 if content["type"] == "text" else 768):
            raise refused(3, "badData: text")
        if content["type"] in ("picture", "video", "file") and not content.get("media"):
            raise refused(4, "missingData: media")
        if content["type"] in ("video", "file") and not content.get("size"):
            raise refused(4, "missingData: size")
        if content["type"] == "file" and "." not in content.get("file_name", ""):
            raise refused(3, "badData: file_name")
        if len(content.get("tracking_data", "")) > 4000:
            raise refused(3, "badData: tracking_data")
        if "keyboard" in content:
            _check_keyboard(content["keyboard"])

    def done(self, call: Call) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": 0, "status_message": "ok"}
        if call.path == "/pa/get_account_info":
            return {**answer, "id": "pa:1", "name": "The bot of the account", "icon": "https://example.com/icon.png"}
        return {**answer, "message_token": 5741311803571721087 + len(self.calls), "chat_hostname": "SN-CHAT-01_"}

    def failed(self, fate: Fate, call: Call) -> tuple[int, dict[str, Any]]:
        match fate.outcome:
            case "403":
                error = refused(5, "receiverNotRegistered")
            case "400":
                error = refused(3, "badData")
            case "429" | "early":
                error = refused(12, "tooManyRequests")
            case _:
                error = Refused(500, {"error": "internal"})
        return error.status, dict(error.content)


def _check_keyboard(keyboard: dict[str, Any]) -> None:
    if keyboard.get("Type") != "keyboard" or not keyboard.get("Buttons"):
        raise refused(3, "badData: keyboard")
    if sum(button["Columns"] * button["Rows"] for button in keyboard["Buttons"]) > 6 * 12:
        raise refused(3, "badData: the keyboard has more than 12 rows")
    for button in keyboard["Buttons"]:
        if button["ActionType"] not in ("reply", "open-url") or not button["ActionBody"] or len(button["Text"]) > 250:
            raise refused(3, "badData: button")
