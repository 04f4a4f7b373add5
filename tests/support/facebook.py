"""A stand-in of Messenger's Send API: https://developers.facebook.com/docs/messenger-platform/reference/send-api"""

import hmac
import re
from typing import Any

import msgspec

from tests.support.faults import Fate
from tests.support.platforms import Call, PlatformStandIn, Refused, utf16

TOKEN = "EAAnotarealtokenbutlongenough1234567890"
SECRET = "not-a-real-app-secret"

_ATTACHMENTS = ("image", "audio", "video", "file", "template")


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a webhook."""
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()}


def delivery(*events: dict[str, Any], page: str = "1") -> bytes:
    """Return a webhook's body; Meta writes what is not ASCII as escapes, as Python does by default."""
    return msgspec.json.encode({"object": "page", "entry": [{"id": page, "time": 1, "messaging": list(events)}]})


def said(
    mid: str, user: str = "2", page: str = "1", timestamp: int = 1_458_692_752_478, **message: Any
) -> dict[str, Any]:
    """Return an event: a user's message."""
    return {
        "sender": {"id": user},
        "recipient": {"id": page},
        "timestamp": timestamp,
        "message": {"mid": mid, **message},
    }


def refused(code: int, message: str, subcode: int | None = None, status: int = 400) -> Refused:
    """Return an error of the Graph API."""
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return Refused(status, {"error": error if subcode is None else {**error, "error_subcode": subcode}})


class FacebookStandIn(PlatformStandIn):
    """Messenger, as far as a bot sees it."""

    def recipient(self, path: str, content: dict[str, Any]) -> str:
        is_message = path.endswith("/me/messages") and "message" in content
        return str(content.get("recipient", {}).get("id", "")) if is_message else ""

    def check(self, call: Call) -> None:
        check_token(call)
        if not re.fullmatch(r"/v\d+\.0/me/(messages|subscribed_apps)", call.path):
            raise refused(2500, f"Unknown path components: {call.path}")
        if call.path.endswith("subscribed_apps"):
            if not call.content.get("subscribed_fields"):
                raise refused(100, "Param subscribed_fields must be given")
            return
        if not call.content.get("recipient", {}).get("id"):
            raise refused(100, "The parameter recipient is required")
        if "message" in call.content:
            self._check_message(call)
        elif call.content.get("sender_action") != "typing_on":
            raise refused(100, "The parameter message is required")

    def _check_message(self, call: Call) -> None:
        type, tag = call.content.get("messaging_type"), call.content.get("tag")
        if (type, tag) not in (("RESPONSE", None), ("MESSAGE_TAG", "HUMAN_AGENT")):
            raise refused(100, "messaging_type is RESPONSE, or MESSAGE_TAG with a tag that this page may use")
        if call.user in self.closed and tag is None:
            raise refused(10, "This message is sent outside of allowed window.", 2018278)
        message = call.content["message"]
        if not message.keys() <= {"text", "quick_replies", "attachment", "metadata"} or not message:
            raise refused(100, f"Invalid keys in message: {sorted(message)}")
        if "text" in message and not 0 < utf16(message["text"]) <= 2000:
            raise refused(100, "Length of param message[text] must be less than or equal to 2000")
        for reply in message.get("quick_replies", []):
            _check_title(reply)
        if len(message.get("quick_replies", [])) > 13:
            raise refused(100, "Param message[quick_replies] has too many elements.")
        if "attachment" in message:
            _check_attachment(message["attachment"])

    def done(self, call: Call) -> dict[str, Any]:
        if not call.user:
            return {"success": True}
        return {"recipient_id": call.user, "message_id": f"m_{len(self.calls)}"}

    def failed(self, fate: Fate, call: Call) -> tuple[int, dict[str, Any]]:
        match fate.outcome:
            case "403":
                error = refused(551, "This person isn't available right now.", 1545041)
            case "400":
                error = refused(100, "(#100) Failed to fetch the file from the url")
            case "429" | "early":
                error = refused(4, "Application request limit reached")
            case _:
                error = refused(2, "Service temporarily unavailable", status=500)
        return error.status, dict(error.content)


def check_token(call: Call) -> None:
    """Look for the token where it must be.

    Raises:
        Refused: It is elsewhere, or another one.
    """
    if call.headers.get("authorization") != f"Bearer {TOKEN}" or call.query:
        raise refused(190, f"Malformed access token {call.headers.get('authorization', '')}", status=401)


def _check_attachment(attachment: dict[str, Any]) -> None:
    if attachment.get("type") not in _ATTACHMENTS:
        raise refused(100, "Param message[attachment][type] must be one of {AUDIO, FILE, IMAGE, VIDEO, TEMPLATE}")
    payload = attachment["payload"]
    if attachment["type"] == "template":
        if not 1 <= len(payload["buttons"]) <= 3 or not 0 < utf16(payload["text"]) <= 640:
            raise refused(100, "The template has too many buttons, or its text is too long")
        for button in payload["buttons"]:
            _check_title(button)
    elif not str(payload.get("url", "")).startswith("http"):
        raise refused(100, "Invalid URL")


def _check_title(button: dict[str, Any]) -> None:
    if not 0 < utf16(button["title"]) <= 20 or utf16(button.get("payload", "")) > 1000:
        raise refused(100, "A title has up to 20 characters, and a payload up to 1000")
    if (button.get("type") == "web_url" and not button.get("url")) or (
        button.get("type") == "postback" and "url" in button
    ):
        raise refused(100, "A button of this type has other fields")
