"""A push on platforms that let a bot write for some hours only: what leaves, and what the door refuses at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maxbot import MaxBot
from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.facebook import FacebookChannel
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.whatsapp import WhatsAppChannel
from maxbot.delivery import Delivery
from maxbot.errors import RpcError
from maxbot.inbox.accept import Inbox
from maxbot.locks.memory import MemoryLocks
from maxbot.server.edge.ended import Ended
from maxbot.server.edge.push import Push
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.webapp import build_webapp
from maxbot.storage.store import Store
from maxbot.testing.channels import MemoryMailbox
from maxbot.types import Dialog
from tests.channels.support import eventually
from tests.server.edge.test_rpc import Calls, Keeping
from tests.storage.support import opened, rows
from tests.support import facebook, whatsapp
from tests.support.facebook import FacebookStandIn
from tests.support.platforms import PlatformStandIn
from tests.support.telegram import TelegramStandIn
from tests.support.whatsapp import WhatsAppStandIn

HOUR = 3600.0
SECRET = "not-a-real-secret-of-anybody"
META: Any = {"app_secret": facebook.SECRET, "access_token": facebook.TOKEN}
TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
TEMPLATE = {"name": "sale", "language": {"code": "en"}}


class Talk(msgspec.Struct):
    """A server's parts, with one channel and its platform."""

    call: Calls
    channel: Channel
    dialog: Dialog
    write: Callable[[float], Request]
    sent: Callable[[], list[Any]]
    """The messages that the user saw."""

    async def says(self, ago: float, *, answers: bool = True) -> None:
        """Let the user say something, so many seconds ago."""
        before = len(self.sent())
        received = await self.channel.receive(self.write(time.time() - ago))
        await self.call.inbox.accept(received.updates)
        if answers:
            await eventually(lambda: len(self.sent()) > before)

    def later(self, seconds: float) -> None:
        """Let so much time go by."""
        self.call.inbox.now = lambda: time.time() + seconds  # type: ignore[method-assign]

    async def push(self, content: dict[str, Any], **headers: str) -> Any:
        """Push one reply, over HTTP, and return the answer."""
        path = f"/push/{self.dialog.channel}/{self.dialog.user}"
        status, answer = await self.call({"commands": [content]}, path, "wait=10", **headers)
        assert status == 200
        return answer


def facebook_request(at: float) -> Request:
    body = facebook.delivery(facebook.said(f"m_{at}", timestamp=int(at * 1000), text="hi"))
    return Request(body, facebook.signed(body))


def whatsapp_request(at: float) -> Request:
    body = whatsapp.delivery(whatsapp.value(whatsapp.said(f"wamid.{at}", timestamp=f"{at:.0f}", text={"body": "hi"})))
    return Request(body, facebook.signed(body))


def telegram_request(at: float) -> Request:
    message = {"message_id": 1, "date": int(at), "chat": {"id": 7, "type": "private"}, "text": "hi"}
    body = msgspec.json.encode({"update_id": int(at), "message": message})
    return Request(body, {"x-telegram-bot-api-secret-token": SECRET})


@asynccontextmanager
async def platform(
    name: str,
) -> AsyncIterator[tuple[Channel, str, Callable[[float], Request], Callable[[], list[Any]]]]:
    """Run a stand-in; yield the channel, its user, how the user writes, and what the user saw."""
    if name == "telegram":
        with TelegramStandIn() as telegram:
            channel = TelegramChannel(api_token=TOKEN, secret_token=SECRET, api_url=telegram.url)
            yield channel, "7", telegram_request, lambda: [one for one in telegram.history() if one.text]
        return
    stand_in: PlatformStandIn = FacebookStandIn() if name == "facebook" else WhatsAppStandIn()
    async with stand_in:
        if name == "facebook":
            yield FacebookChannel(**META, api_url=stand_in.url), "2", facebook_request, stand_in.sent
        else:
            other = WhatsAppChannel(**META, phone_number_id=whatsapp.NUMBER, api_url=stand_in.url)
            yield other, "49170", whatsapp_request, stand_in.sent


@asynccontextmanager
async def talking(
    folder: Path, name: str, bot: str = "dialog: [{condition: true, response: hello}]"
) -> AsyncIterator[Talk]:
    async with platform(name) as (channel, user, write, sent), opened(folder / "bot.db") as store:
        call, delivery = _served(store, MaxBot.inline(bot, [channel]))
        await channel.start(Services(MemoryMailbox()))
        yield Talk(call, channel, Dialog(name, user), write, sent)
        await delivery.drain(5.0)
        await channel.close()


def _served(store: Store, bot: MaxBot) -> tuple[Calls, Delivery]:
    ended = Ended(store)
    delivery = Delivery(
        store, bot, bot.channels.by_name, MemoryLocks(), turn_timeout=20, give_up_after=60, observe=ended
    )
    bot.inbox = inbox = Inbox(store, delivery.wake)
    refusals = Refusals()
    app = build_webapp([Push(bot, inbox, ended)], refusals)
    return Calls(app, Keeping(), inbox, ended, refusals, bot), delivery


OUTSIDE: dict[str, Any] = {
    "facebook": {"native": {"facebook": {"tag": "HUMAN_AGENT", "text": "We found it."}}},
    "whatsapp": {"native": {"whatsapp": {"template": TEMPLATE}}},
}
INSIDE: dict[str, Any] = {
    "facebook": {"native": {"facebook": {"text": "no tag"}}},
    "whatsapp": {"native": {"whatsapp": {"text": {"body": "no template"}}}},
}
WORDS = {"facebook": "HUMAN_AGENT", "whatsapp": "template"}


MALFORMED: dict[str, list[dict[str, Any]]] = {
    "facebook": [
        {"txt": "a typo"},
        {"tag": "HUMAN_AGENT"},
        {"tag": "human agent", "text": "no such tag"},
        {"messaging_type": "MESSAGE_TAG", "text": "a tag is missing"},
    ],
    "whatsapp": [{}, {"text": {"body": "a"}, "image": {"link": "https://example.com/a.png"}}],
    "telegram": [{}, {"sendDice": {"emoji": "🎲"}, "sendMessage": {"text": "a"}}, {"getMe": {}}],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_native_push_that_the_platform_cannot_take_is_refused_at_the_door(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, name) as talk:
            await talk.says(ago=1 * HOUR)
            before = len(talk.sent())
            for said in MALFORMED[name]:
                answer = await talk.push({"native": {name: said}})
                assert answer["error"]["code"] == -32602, said
                assert "native" in str(answer["error"]["data"]["commands"]["0"])
            assert len(talk.sent()) == before

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["facebook", "whatsapp", "telegram"])
def test_a_push_leaves_while_the_platform_takes_it_and_is_refused_after(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, name) as talk:
            await talk.says(ago=23 * HOUR)
            assert await talk.push({"text": "Sale!"}, idempotency_key="sale") == {"result": None}
            await eventually(lambda: len(talk.sent()) == 2)

        async with talking(tmp_path, name) as talk:
            talk.later(2 * HOUR)
            answer = await talk.push({"text": "Sale!"})
            if name == "telegram":
                assert answer == {"result": None}
                return
            assert (answer["error"]["code"], answer["error"]["message"]) == (-32102, "Window closed")
            (words,) = answer["error"]["data"]["commands"]["0"]
            assert words.startswith("The user wrote 25 hours ago, and may be written to for 24.")
            assert WORDS[name] in words
            with pytest.raises(RpcError, match="Window closed"):
                await talk.call.bot.push(talk.dialog, "Sale!")
            assert (await talk.push(INSIDE[name]))["error"]["code"] == -32102
            # The same push as before the window closed: it was accepted.
            assert await talk.push({"text": "Sale!"}, idempotency_key="sale") == {"result": None}
            assert talk.sent() == []

            assert await talk.push(OUTSIDE[name]) == {"result": None}
            await eventually(lambda: len(talk.sent()) == 1)
            await talk.says(ago=0)
            assert await talk.push({"text": "Thank you"}) == {"result": None}
            await eventually(lambda: len(talk.sent()) == 3)

    asyncio.run(scenario())
    assert rows(tmp_path / "bot.db", "dead_letters") == []


def test_what_passes_says_so_to_the_platform(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, "facebook") as talk:
            await talk.push(OUTSIDE["facebook"])
            await eventually(talk.sent)
            (sent,) = talk.sent()
            assert (sent["messaging_type"], sent["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
            assert sent["message"] == {"text": "We found it."}

    asyncio.run(scenario())


def test_who_is_not_known_is_not_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, "whatsapp") as talk:
            assert await talk.push({"text": "Sale!"}) == {"result": None}
            await eventually(lambda: len(talk.sent()) == 1)

    asyncio.run(scenario())


def test_a_message_opens_the_window_whatever_became_of_it_and_however_late_others_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, "whatsapp") as talk:
            await talk.says(ago=20 * HOUR)
            await talk.says(ago=30 * HOUR)  # delivered again after days
            assert await talk.push({"text": "a"}) == {"result": None}
            await eventually(lambda: len(talk.sent()) == 3)

        async with talking(tmp_path, "whatsapp", "dialog: [{condition: true, response: '{{ nobody }}'}]") as talk:
            talk.later(10 * HOUR)
            assert (await talk.push({"text": "b"}))["error"]["code"] == -32102
            await talk.says(ago=0, answers=False)
            assert await talk.push({"text": "c"}) == {"result": None}
            await eventually(lambda: len(talk.sent()) == 1)

    asyncio.run(scenario())
    assert [row["kind"] for row in rows(tmp_path / "bot.db", "dead_letters")] == ["update"]
