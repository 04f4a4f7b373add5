"""All channels, each with a webhook of its own and a way to say no: what is so for one is so for all."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from maxbot.channels.base import Channel
from maxbot.channels.facebook import FacebookChannel
from maxbot.channels.slack import SlackChannel
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.viber import ViberChannel
from maxbot.channels.vk import VkChannel
from maxbot.channels.web import WebChannel
from maxbot.channels.whatsapp import WhatsAppChannel
from tests.support import facebook, slack, viber, vk, whatsapp

NOW = 1700000000
TELEGRAM_TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SECRET = "not-a-real-secret-of-anybody"
META: Mapping[str, Any] = {"app_secret": facebook.SECRET, "access_token": facebook.TOKEN}

Headers = dict[str, str]


class Every(msgspec.Struct, frozen=True):
    """A channel, and how its platform speaks."""

    make: Callable[..., Channel]
    """With `api_url` and other options."""
    said: Callable[[int, str], bytes]
    """A webhook's body: a user says something, with this number."""
    sign: Callable[[bytes], Headers]
    """The headers that prove a body."""
    signs_body: bool
    """Whether they prove every bit of it."""
    user: str
    ok: bytes
    """What the platform answers to a message that it takes."""
    later: tuple[int, bytes, Headers] | None = None
    """What it answers to too many: status, body, headers."""
    wait: float = 0.0
    """Seconds that must go by after that."""


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _telegram(number: int, text: str) -> bytes:
    message = {"message_id": number, "date": 1, "chat": {"id": 7, "type": "private"}, "text": text}
    return _json({"update_id": number, "message": message})


def _vk(number: int, text: str) -> bytes:
    message = {"id": number, "from_id": 7, "peer_id": 7, "conversation_message_id": number, "text": text}
    around = {"type": "message_new", "group_id": vk.GROUP, "secret": SECRET, "event_id": f"e{number}"}
    return _json({**around, "object": {"message": message}})


def _slack(number: int, text: str) -> bytes:
    place = {"channel": "D1", "channel_type": "im", "user": "U1", "ts": f"1700000000.{number + 1:06}"}
    return slack.event({"type": "message", "text": text, **place}, f"Ev{number}")


def _web(number: int, text: str) -> bytes:
    return _json({"user_id": "ada", "text": text, "id": f"{number}"})


def _whatsapp(number: int, text: str) -> bytes:
    return whatsapp.delivery(whatsapp.value(whatsapp.said(f"wamid.{number}", text={"body": text})))


_GRAPH_LIMIT = _json({"error": {"message": "Application request limit reached", "code": 4}})
_VIBER = {"api_token": viber.TOKEN, "name": "Bot", "avatar": "https://example.com/a.png"}
_SLACK = {"signing_secret": slack.SECRET, "bot_token": slack.TOKEN, "rate": 1e6, "workspace_rate": 1e6}

EVERY: Mapping[str, Every] = {
    "telegram": Every(
        lambda **more: TelegramChannel(**{"api_token": TELEGRAM_TOKEN, "secret_token": SECRET, **more}),
        _telegram,
        lambda body: {"x-telegram-bot-api-secret-token": SECRET},
        False,
        "7",
        b'{"ok":true,"result":{"message_id":1}}',
        (429, b'{"ok":false,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}', {}),
        7.0,
    ),
    "facebook": Every(
        lambda **more: FacebookChannel(**{**META, **more}),
        lambda number, text: facebook.delivery(facebook.said(f"m_{number}", text=text)),
        facebook.signed,
        True,
        "2",
        b'{"recipient_id":"2","message_id":"m_1"}',
        (400, _GRAPH_LIMIT, {}),
        60.0,
    ),
    "whatsapp": Every(
        lambda **more: WhatsAppChannel(**{**META, "phone_number_id": whatsapp.NUMBER, "user_burst": 10_000, **more}),
        _whatsapp,
        facebook.signed,
        True,
        "49170",
        b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}',
        (400, _json({"error": {"message": "pair rate limit hit", "code": 131056}}), {}),
        6.0,
    ),
    "viber": Every(
        lambda **more: ViberChannel(**{**_VIBER, **more}),
        lambda number, text: viber.said(number, text=text),
        viber.signed,
        True,
        "01234567890A=",
        b'{"status":0,"status_message":"ok","message_token":5741311803571721087}',
        (200, b'{"status":12,"status_message":"tooManyRequests"}', {}),
        60.0,
    ),
    "vk": Every(
        lambda **more: VkChannel(**{"access_token": vk.TOKEN, "secret_key": SECRET, "rate": 1e6, **more}),
        _vk,
        lambda body: {},
        False,
        "7",
        b'{"response":5}',
        (200, b'{"error":{"error_code":9,"error_msg":"Flood control"}}', {}),
        60.0,
    ),
    "slack": Every(
        lambda **more: SlackChannel(**{**_SLACK, "clock": lambda: NOW, **more}),
        _slack,
        lambda body: slack.signed(body, NOW),
        True,
        "D1",
        b'{"ok":true,"channel":"D1","ts":"1700000000.000100"}',
        (429, b'{"ok":false,"error":"ratelimited"}', {"Retry-After": "7"}),
        7.0,
    ),
    "web": Every(
        lambda **more: WebChannel(**{"token": SECRET, **more}),
        _web,
        lambda body: {"authorization": f"Bearer {SECRET}", "content-type": "application/json"},
        False,
        "ada",
        b"",
    ),
}

CALLED = [name for name, one in EVERY.items() if one.later is not None]
"""Those whose platform is called."""
