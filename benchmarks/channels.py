"""`python -m benchmarks.channels`: what verifying and reading a webhook with one text costs, by channel, in CPU time.

Without server and database: the bytes as they came go in, updates come out. The goal is 15 µs.
"""

import asyncio
import hmac
import time
from collections.abc import Iterator, Mapping

import msgspec

from maxbot.channels.base import Channel, Request
from maxbot.channels.registry import channel_class

GOAL = 15e-6
ROUNDS = 9
CALLS = 5000
SECRET = "not-a-real-secret"

TELEGRAM = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 7, "type": "private", "first_name": "Ada"},
        "from": {"id": 7, "is_bot": False, "first_name": "Ada", "language_code": "de"},
        "text": "hello, is anybody there?",
    },
}
FACEBOOK = {
    "object": "page",
    "entry": [
        {
            "id": "682498302938465",
            "time": 1518479195594,
            "messaging": [
                {
                    "sender": {"id": "2145000000000000"},
                    "recipient": {"id": "682498302938465"},
                    "timestamp": 1518479195308,
                    "message": {"mid": "m_" + "A" * 100, "text": "hello, is anybody there?"},
                }
            ],
        }
    ],
}
WHATSAPP = {
    "object": "whatsapp_business_account",
    "entry": [
        {
            "id": "102290129340398",
            "changes": [
                {
                    "value": {
                        "messaging_product": "whatsapp",
                        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
                        "contacts": [{"profile": {"name": "Ada"}, "wa_id": "16505551234"}],
                        "messages": [
                            {
                                "from": "16505551234",
                                "id": "wamid." + "A" * 50,
                                "timestamp": "1749416383",
                                "type": "text",
                                "text": {"body": "hello, is anybody there?"},
                            }
                        ],
                    },
                    "field": "messages",
                }
            ],
        }
    ],
}
VIBER = {
    "event": "message",
    "timestamp": 1457764197627,
    "message_token": 4912661846655238145,
    "sender": {"id": "01234567890A=", "name": "Ada", "language": "en", "country": "GB", "api_version": 10},
    "message": {"type": "text", "text": "hello, is anybody there?"},
    "silent": False,
}
VK = {
    "type": "message_new",
    "group_id": 123456,
    "secret": SECRET,
    "event_id": "c68dfb983247fea8ac98ea0ea59717df71d8064f",
    "v": "5.199",
    "object": {
        "message": {
            "id": 11,
            "date": 1580125800,
            "from_id": 123456,
            "peer_id": 123456,
            "conversation_message_id": 11,
            "out": 0,
            "text": "hello, is anybody there?",
            "attachments": [],
            "fwd_messages": [],
        },
        "client_info": {
            "button_actions": ["text", "callback"],
            "keyboard": True,
            "inline_keyboard": True,
            "lang_id": 0,
        },
    },
}
SLACK = {
    "token": "one-long-verification-token",
    "team_id": "T061EG9R6",
    "api_app_id": "A0PNCHHK2",
    "event": {
        "type": "message",
        "channel": "D0123ABCDEF",
        "user": "U0123ABCDEF",
        "text": "hello, is anybody there?",
        "ts": "1355517523.000005",
        "event_ts": "1355517523.000005",
        "channel_type": "im",
    },
    "type": "event_callback",
    "authorizations": [{"team_id": "T061EG9R6", "user_id": "U0BOT", "is_bot": True}],
    "event_id": "Ev0PV52K21",
    "event_time": 1355517523,
}
SLACK_TIME = str(int(time.time()))


def _signed(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, "sha256").hexdigest()


def channels() -> Iterator[tuple[Channel, Request]]:
    """Yield each channel and a webhook of it."""
    meta = {"app_secret": SECRET, "access_token": "a"}
    whatsapp = {**meta, "phone_number_id": "106540352242922"}
    for type_, options, content in (
        ("telegram", {"api_token": "1:a", "secret_token": SECRET}, TELEGRAM),
        ("facebook", meta, FACEBOOK),
        ("whatsapp", whatsapp, WHATSAPP),
        ("viber", {"api_token": SECRET}, VIBER),
        ("vk", {"access_token": "a", "secret_key": SECRET}, VK),
        ("slack", {"signing_secret": SECRET, "bot_token": "a"}, SLACK),
    ):
        body = msgspec.json.encode(content)
        yield channel_class(type_)(**options), Request(body, _headers(body))


def _headers(body: bytes) -> Mapping[str, str]:
    signature = _signed(body)
    return {
        "x-telegram-bot-api-secret-token": SECRET,
        "x-hub-signature-256": f"sha256={signature}",
        "x-viber-content-signature": signature,
        "x-slack-signature": "v0=" + _signed(f"v0:{SLACK_TIME}:".encode() + body),
        "x-slack-request-timestamp": SLACK_TIME,
    }


def seconds_a_webhook(channel: Channel, request: Request) -> float:
    """Return the CPU seconds that a webhook takes: the best of several rounds."""

    async def measure() -> float:
        start = time.process_time()
        for _ in range(CALLS):
            await channel.receive(request)
        return (time.process_time() - start) / CALLS

    received = asyncio.run(channel.receive(request))
    assert len(received.updates) == 1, "the webhook has a text"
    return min(asyncio.run(measure()) for _ in range(ROUNDS))


def main() -> None:
    """Print the figures, and what they should be."""
    for channel, request in channels():
        seconds = seconds_a_webhook(channel, request)
        print(f"{channel.type:10} {seconds * 1e6:5.1f} µs  ({len(request.body)} bytes, goal: {GOAL * 1e6:.0f} µs)")


if __name__ == "__main__":
    main()
