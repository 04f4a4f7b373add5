"""A stand-in of WhatsApp's Cloud API: …/whatsapp/reference/whatsapp-business-phone-number/message-api"""

from typing import Any

import msgspec

from tests.support.facebook import TOKEN, check_token, refused
from tests.support.faults import Fate
from tests.support.platforms import Call, PlatformStandIn, utf16

NUMBER = "12345"
CAPTION_KINDS = ("image", "video", "document")
KINDS = ("text", "image", "video", "document", "audio", "location", "contacts", "interactive", "template")

__all__ = ["NUMBER", "TOKEN", "WhatsAppStandIn", "delivery", "said", "value"]


def value(*messages: dict[str, Any], number: str = NUMBER, **more: Any) -> dict[str, Any]:
    """Return what changed: messages to a number."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": "49170"}],
        "messages": list(messages),
        **more,
    }


def delivery(*values: dict[str, Any], field: str = "messages") -> bytes:
    """Return a webhook's body."""
    changes = [{"field": field, "value": one} for one in values]
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": changes}]})


def said(id: str, user: str = "49170", timestamp: str = "1749416383", **message: Any) -> dict[str, Any]:
    """Return a user's message; its type is the first of its keys."""
    return {"from": user, "id": id, "timestamp": timestamp, "type": next(iter(message)), **message}


class WhatsAppStandIn(PlatformStandIn):
    """The Cloud API, as far as a bot sees it."""

    def recipient(self, path: str, content: dict[str, Any]) -> str:
        return str(content.get("to") or content.get("recipient") or "") if path.endswith("/messages") else ""

    def check(self, call: Call) -> None:
        check_token(call)
        if call.path.endswith("/subscribed_apps"):
            return
        if call.path != f"/v25.0/{NUMBER}/messages":
            raise refused(100, f"Unsupported post request. Object with ID '{call.path}' does not exist", 33)
        content = call.content
        if content.get("messaging_product") != "whatsapp":
            raise refused(100, "The parameter messaging_product is required.")
        if content.get("status") == "read":
            if not str(content.get("message_id", "")).startswith("wamid."):
                raise refused(100, "Invalid parameter message_id")
            return
        if content.get("to", "1").isdecimal() is False or content.get("recipient", ".").isdecimal():
            raise refused(131009, "Parameter value is not valid: to is a number, recipient an id")
        kind = content.get("type")
        if kind not in KINDS or not isinstance(content.get(kind), dict | list):
            raise refused(131009, f"Parameter value is not valid: type {kind}")
        if call.user in self.closed and kind != "template":
            raise refused(131047, "Re-engagement message")
        _check(kind, content[kind])

    def done(self, call: Call) -> dict[str, Any]:
        if not call.user:
            return {"success": True}
        contacts = [{"input": call.user, "wa_id": call.user}]
        return {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": f"wamid.{len(self.calls)}"}]}

    def failed(self, fate: Fate, call: Call) -> tuple[int, dict[str, Any]]:
        match fate.outcome:
            case "403":
                error = refused(131026, "Message undeliverable")
            case "400":
                error = refused(131009, "Parameter value is not valid")
            case "429" | "early":
                error = refused(131056, "(Business Account, Consumer Account) pair rate limit hit")
            case _:
                error = refused(131000, "Something went wrong", status=500)
        return error.status, dict(error.content)


def _check(kind: str, content: Any) -> None:
    if kind == "text" and not 0 < utf16(content["body"]) <= 4096:
        raise refused(100, "Param text['body'] must be at most 4096 characters long.")
    if kind in ("image", "video", "document", "audio"):
        _check_file(kind, content)
    if kind == "interactive":
        _check_interactive(content)
    if kind == "contacts" and not all(one["name"].keys() > {"formatted_name"} for one in content):
        raise refused(131009, "A contact's name has one part at least beside formatted_name")


def _check_file(kind: str, content: dict[str, Any]) -> None:
    if ("link" in content) == ("id" in content):
        raise refused(131009, "A file has a link or an id")
    if "caption" in content and (kind not in CAPTION_KINDS or not 0 < utf16(content["caption"]) <= 1024):
        raise refused(131009, "This file cannot have this caption")
    if "filename" in content and kind != "document":
        raise refused(131009, "Unexpected key filename")


def _check_interactive(content: dict[str, Any]) -> None:
    if not 0 < utf16(content["body"]["text"]) <= 1024:
        raise refused(131009, "Body text length invalid. Min length: 1, Max length: 1024")
    action = content["action"]
    match content["type"]:
        case "button":
            titles = [(one["reply"]["title"], one["reply"]["id"]) for one in action["buttons"]]
            _check_offer(titles, most=3, title=20, id=256)
        case "list":
            if "header" in content and content["header"]["type"] != "text":
                raise refused(131009, "The header of a list is a text")
            if not 0 < utf16(action["button"]) <= 20:
                raise refused(131009, "Button label is too long")
            rows = [(row["title"], row["id"]) for section in action["sections"] for row in section["rows"]]
            _check_offer(rows, most=10, title=24, id=200)
        case "cta_url":
            if not 0 < utf16(action["parameters"]["display_text"]) <= 20:
                raise refused(131009, "display_text is too long")
        case other:
            raise refused(131009, f"Unexpected type {other}")


def _check_offer(offered: list[tuple[str, str]], most: int, title: int, id: int) -> None:
    if not 1 <= len(offered) <= most:
        raise refused(131009, f"There are 1 to {most}")
    if any(not 0 < utf16(one) <= title or not 0 < utf16(value) <= id for one, value in offered):
        raise refused(131009, "A title or an id has another length")
    if len({one for one, _ in offered}) < len(offered):
        raise refused(131009, "Duplicated title")
