"""Order and "once" hold on every platform that delivers webhooks, with several accounts in one bot."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.support import database_in, pending
from tests.support import facebook, slack, viber, vk, whatsapp
from tests.support.facebook import FacebookStandIn
from tests.support.platforms import PlatformStandIn
from tests.support.processes import Server
from tests.support.slack import SlackStandIn
from tests.support.viber import ViberStandIn
from tests.support.vk import VkStandIn
from tests.support.whatsapp import WhatsAppStandIn

pytestmark = pytest.mark.faults

USERS, MESSAGES = 12, 6

VK_SECRET = "not-a-real-secret-of-vk"

SECRETS = (facebook.SECRET, facebook.TOKEN, viber.TOKEN, slack.SECRET, slack.TOKEN, vk.TOKEN, VK_SECRET, "other-secret")

FAULTS: dict[str, Any] = {"p_5xx": 0.02, "p_500_after": 0.01, "p_lost": 0.02, "latency": (0.0, 0.02)}

BOT = """
channels:
  facebook: {{app_secret: {secret}, access_token: {token}, api_url: "{facebook}", timeout: 2}}
  sales: {{type: facebook, app_secret: other-secret, access_token: {token}, api_url: "{sales}", timeout: 2}}
  whatsapp:
    {{app_secret: {secret}, access_token: {token}, phone_number_id: {number}, api_url: "{whatsapp}", timeout: 2}}
  viber: {{api_token: {viber_token}, name: Bot, api_url: "{viber}", timeout: 2}}
  slack:
    {{signing_secret: {slack_secret}, bot_token: {slack_token}, api_url: "{slack}/api", timeout: 2, rate: 1000,
      workspace_rate: 1000}}
  vk: {{access_token: {vk_token}, secret_key: {vk_secret}, api_url: "{vk}", timeout: 2, rate: 1000}}
dialog:
  - condition: true
    response: "You said {{{{ message.text }}}}"
"""

Webhook = tuple[str, bytes, dict[str, str]]


def webhook(channel: str, user: int, number: int) -> Webhook:
    """Return a user's message: path, body and headers."""
    text, key = f"{number}", user * 1000 + number
    if channel == "viber":
        body = viber.said(key, user=f"user{user}=", text=text)
        return channel, body, viber.signed(body)
    if channel == "whatsapp":
        body = whatsapp.delivery(whatsapp.value(whatsapp.said(f"wamid.{key}", user=f"49{user}", text={"body": text})))
        return channel, body, facebook.signed(body)
    if channel == "slack":
        place = {"channel": f"D{user}", "user": "U1", "ts": f"1700000000.{number + 1:06}"}
        body = slack.event({"type": "message", "channel_type": "im", "text": text, **place}, f"Ev{key}")
        return channel, body, slack.signed(body, int(time.time()))
    if channel == "vk":
        message = {"id": key, "from_id": user, "peer_id": user, "conversation_message_id": number, "text": text}
        around = {"type": "message_new", "group_id": vk.GROUP, "secret": VK_SECRET, "event_id": f"e{key}"}
        return channel, json.dumps({**around, "object": {"message": message}}).encode(), {}
    body = facebook.delivery(facebook.said(f"m_{key}", user=f"{user}", text=text))
    return channel, body, facebook.signed(body, "other-secret" if channel == "sales" else facebook.SECRET)


def replies(platform: PlatformStandIn | SlackStandIn | VkStandIn) -> dict[str, list[str]]:
    """Return by user the numbers of the messages that were answered, in order of arrival."""
    found: dict[str, list[str]] = {}
    if isinstance(platform, SlackStandIn | VkStandIn):
        for message in platform.seen:
            user, said = message.get("channel") or message["peer_id"], message.get("text") or message["message"]
            found.setdefault(user, []).append(said.removeprefix("You said "))
        return found
    for call in platform.calls:
        if call.user and call.delivered:
            text: Any = call.content.get("text") or call.content["message"]["text"]
            text = text["body"] if isinstance(text, dict) else text
            found.setdefault(call.user, []).append(text.removeprefix("You said "))
    return found


async def talk(client: aiohttp.ClientSession, port: int, channel: str, user: int) -> None:
    """Say one thing after the other, some of them twice, as a platform delivers them."""
    for number in range(MESSAGES):
        path, body, headers = webhook(channel, user, number)
        for _ in range(2 if (user + number) % 5 == 0 else 1):
            async with client.post(f"http://127.0.0.1:{port}/{path}", data=body, headers=headers) as response:
                assert response.status == 200


async def until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


async def each(calls: Sequence[Awaitable[None]]) -> None:
    await asyncio.gather(*calls)


def test_every_message_is_answered_in_order_and_once_but_for_what_nobody_knew_of(tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            stand_ins: dict[str, PlatformStandIn | SlackStandIn | VkStandIn] = {}
            kinds: dict[str, Callable[..., Any]] = {
                "facebook": FacebookStandIn,
                "sales": FacebookStandIn,
                "whatsapp": WhatsAppStandIn,
                "viber": ViberStandIn,
                "slack": SlackStandIn,
                "vk": VkStandIn,
            }
            for name, kind in kinds.items():
                stand_ins[name] = await stack.enter_async_context(kind(seed=5, **FAULTS))
            (tmp_path / "bot.yaml").write_text(
                BOT.format(
                    secret=facebook.SECRET,
                    token=facebook.TOKEN,
                    number=whatsapp.NUMBER,
                    viber_token=viber.TOKEN,
                    slack_secret=slack.SECRET,
                    slack_token=slack.TOKEN,
                    vk_token=vk.TOKEN,
                    vk_secret=VK_SECRET,
                    **{name: one.url for name, one in stand_ins.items()},
                )
            )
            server = Server.maxbot(tmp_path / "bot.yaml", tmp_path / "log", workers=2, database=database_in(tmp_path))
            await asyncio.to_thread(server.__enter__)
            try:
                async with aiohttp.ClientSession() as client:
                    await each(
                        [talk(client, server.port, name, user) for name in stand_ins for user in range(11, 11 + USERS)]
                    )
                await until(lambda: pending(tmp_path) == 0, 300)
            finally:
                await asyncio.to_thread(server.__exit__, None, None, None)
            log = (tmp_path / "log").read_text()
            for secret in (
                facebook.SECRET,
                facebook.TOKEN,
                viber.TOKEN,
                slack.SECRET,
                slack.TOKEN,
                vk.TOKEN,
                VK_SECRET,
            ):
                assert secret not in log
            for name, platform in stand_ins.items():
                outcomes = (
                    [call.outcome for call in platform.calls]
                    if isinstance(platform, PlatformStandIn)
                    else (platform.outcomes)
                )
                unknown = sum(outcome in ("500", "500_after", "lost") for outcome in outcomes)
                found = replies(platform)
                assert len(found) == USERS, name
                for user, numbers in found.items():
                    assert numbers == sorted(numbers), f"{name}: {user} was answered out of order: {numbers}"
                    assert {*numbers} == {str(number) for number in range(MESSAGES)}, f"{name}: {user}: {numbers}"
                twice = sum(len(numbers) for numbers in found.values()) - USERS * MESSAGES
                assert not (twice and name == "vk"), "VK knows what is sent again"
                assert twice <= unknown, f"{name}: {twice} replies came twice, and {unknown} outcomes were unknown"
                assert unknown > 0, "the faults hit"

    asyncio.run(run())
