"""Webhooks with one text, as each platform delivers them, and what is wrapped around them."""

import hmac
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

SECRET = "not-a-real-secret"

TEXT = "hello, is anybody there?"


def telegram(user: int, number: int) -> Any:
    """A text of a private chat."""
    person = {"id": user, "first_name": "Ada"}
    message = {
        "message_id": number,
        "date": 1,
        "chat": {**person, "type": "private"},
        "from": {**person, "is_bot": False, "language_code": "de"},
        "text": TEXT,
    }
    return {"update_id": number, "message": message}


def facebook(user: int, number: int) -> Any:
    """A delivery with one event."""
    event = {
        "sender": {"id": f"2145{user:012}"},
        "recipient": {"id": "682498302938465"},
        "timestamp": 1518479195308 + number,
        "message": {"mid": f"m_{number:0100}", "text": TEXT},
    }
    return {"object": "page", "entry": [{"id": "682498302938465", "time": 1518479195594, "messaging": [event]}]}


def whatsapp(user: int, number: int) -> Any:
    """A delivery with one change, which has one message."""
    phone = f"1650{user:07}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": phone}],
        "messages": [
            {
                "from": phone,
                "id": f"wamid.{number:050}",
                "timestamp": f"{1749416383 + number}",
                "type": "text",
                "text": {"body": TEXT},
            }
        ],
    }
    change = {"value": value, "field": "messages"}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


def viber(user: int, number: int) -> Any:
    """A message of a subscriber."""
    return {
        "event": "message",
        "timestamp": 1457764197627 + number,
        "message_token": 4912661846655238145 + number,
        "sender": {"id": f"{user:011}=", "name": "Ada", "language": "en", "country": "GB", "api_version": 10},
        "message": {"type": "text", "text": TEXT},
        "silent": False,
    }


def vk(user: int, number: int) -> Any:
    """A message to a community."""
    message = {
        "id": number,
        "date": 1580125800,
        "from_id": user,
        "peer_id": user,
        "conversation_message_id": number,
        "out": 0,
        "text": TEXT,
        "attachments": [],
        "fwd_messages": [],
    }
    client = {"button_actions": ["text", "callback"], "keyboard": True, "inline_keyboard": True, "lang_id": 0}
    return {
        "type": "message_new",
        "group_id": 123456,
        "secret": SECRET,
        "event_id": f"{number:040x}",
        "v": "5.199",
        "object": {"message": message, "client_info": client},
    }


def slack(user: int, number: int) -> Any:
    """A direct message to an app."""
    ts = f"1355517523.{number:06}"
    event = {
        "type": "message",
        "channel": f"D{user:010}",
        "user": f"U{user:010}",
        "text": TEXT,
        "ts": ts,
        "event_ts": ts,
        "channel_type": "im",
    }
    return {
        "token": "one-long-verification-token",
        "team_id": "T061EG9R6",
        "api_app_id": "A0PNCHHK2",
        "event": event,
        "type": "event_callback",
        "authorizations": [{"team_id": "T061EG9R6", "user_id": "U0BOT", "is_bot": True}],
        "event_id": f"Ev{number:09}",
        "event_time": 1355517523,
    }


class Platform(NamedTuple):
    """What a channel of a type needs to be measured."""

    content: Callable[[int, int], Any]
    """Of the webhook with a text of a user, and its number."""
    options: dict[str, Any]
    """Of the channel, without its `api_url`; limits are out of the way."""
    answer: Any
    """Of the API to a text that was sent."""


META = {"app_secret": SECRET, "access_token": "a", "rate": 1e6}

PLATFORMS = {
    "telegram": Platform(
        telegram, {"api_token": "1:a", "secret_token": SECRET}, {"ok": True, "result": {"message_id": 1}}
    ),
    "facebook": Platform(facebook, META, {"recipient_id": "1", "message_id": "m_1"}),
    "whatsapp": Platform(
        whatsapp,
        {**META, "phone_number_id": "106540352242922"},
        {"messaging_product": "whatsapp", "contacts": [], "messages": [{"id": "wamid.1"}]},
    ),
    "viber": Platform(
        viber,
        {"api_token": SECRET, "name": "Bot", "avatar": "https://example.com/a.png"},
        {"status": 0, "status_message": "ok", "message_token": 1},
    ),
    "vk": Platform(vk, {"access_token": "a", "secret_key": SECRET, "rate": 1e6}, {"response": 1}),
    "slack": Platform(
        slack,
        {"signing_secret": SECRET, "bot_token": "a", "rate": 1e6, "workspace_rate": 1e6},
        {"ok": True, "channel": "D1", "ts": "1.1"},
    ),
}


def webhook(type_: str, user: int, number: int) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a webhook, signed as of now."""
    body = msgspec.json.encode(PLATFORMS[type_].content(user, number))
    return body, _headers(body)


def _headers(body: bytes) -> dict[str, str]:
    signature, now = _signed(body), str(int(time.time()))
    return {
        "x-telegram-bot-api-secret-token": SECRET,
        "x-hub-signature-256": f"sha256={signature}",
        "x-viber-content-signature": signature,
        "x-slack-signature": "v0=" + _signed(f"v0:{now}:".encode() + body),
        "x-slack-request-timestamp": now,
    }


def _signed(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, "sha256").hexdigest()
