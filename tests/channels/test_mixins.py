"""Channels made of mixins, as bots of MaxBot 0.3 have them."""

import asyncio
import json
from typing import Any

import pytest
from marshmallow import Schema, fields

from maxbot import BotError, MaxBot
from maxbot.channels.base import Channel, Request
from maxbot.channels.telegram import TelegramChannel
from maxbot.errors import BadRequest, Undeliverable
from maxbot.types import Command, Dialog

ADA = Dialog("pager", "ada")


class Pager:
    sent: list[Any]

    class ConfigSchema(Schema):
        bell = fields.Integer(load_default=1)

    async def create_dialog(self, data: Any) -> dict[str, str]:
        return {"channel_name": "pager", "user_id": data["from"]}

    async def receive_text(self, data: Any) -> Any:
        return {"text": data["words"]} if "words" in data else None

    async def receive_number(self, data: Any) -> Any:
        return {"text": f"number {data['number']}"} if "number" in data else None

    async def send_text(self, command: Any, dialog: Any) -> None:
        self.sent.append((command["text"].render(), dialog))

    def update_key(self, data: Any) -> str:
        return str(data["id"])


class Louder:
    async def send_text(self, command: Any, dialog: Any) -> None:
        await super().send_text({"text": command["text"].upper()}, dialog)  # type: ignore[misc]


def pager(*mixins: Any, config: str = "{}") -> Any:
    builder = MaxBot.builder()
    for mixin in mixins:
        builder.add_channel_mixin(mixin, "pager")
    builder.use_inline_resources(f"channels: {{pager: {config}}}")
    channel: Any = builder.build().channels["pager"]
    channel.sent = []
    return channel


def receive(channel: Channel, **data: Any) -> list[Any]:
    received = asyncio.run(channel.receive(Request(json.dumps(data).encode())))
    return [(str(update.dialog), update.key, update.message) for update in received.updates]


def test_receivers_are_tried_by_name_and_the_first_message_counts() -> None:
    channel = pager(Pager)
    assert receive(channel, id=5, **{"from": "ada", "words": "hi"}) == [("pager:ada", "5", {"text": "hi"})]
    both = receive(channel, id=6, **{"from": "ada", "words": "hi", "number": 3})
    assert both == [("pager:ada", "6", {"text": "number 3"})]
    assert receive(channel, id=7, **{"from": "ada"}) == []
    with pytest.raises(BadRequest):
        asyncio.run(channel.receive(Request(b"{")))


def test_without_a_key_of_its_own_no_update_is_taken_for_another() -> None:
    keyless = type("Keyless", (), {name: value for name, value in vars(Pager).items() if name != "update_key"})
    channel = pager(keyless)
    said = {"from": "ada", "words": "hi"}
    assert receive(channel, **said)[0][1] != receive(channel, **said)[0][1]


def test_a_sender_is_found_by_its_kind() -> None:
    channel = pager(Pager)
    asyncio.run(channel.send(Command({"text": "hi"}), ADA))
    assert channel.sent == [("hi", {"channel_name": "pager", "user_id": "ada"})]
    assert channel.abilities.sends == ("text",)
    with pytest.raises(Undeliverable, match="no method that sends poster"):
        asyncio.run(channel.send(Command({"poster": {}}), ADA))


def test_the_configuration_is_checked_by_the_schema() -> None:
    assert pager(Pager, config="{bell: 3}").config == {"bell": 3}
    with pytest.raises(BotError, match="bell: Not a valid integer") as caught:
        pager(Pager, config="{bell: loud}")
    assert caught.value.line == 1
    bare = type("Bare", (), {"send_text": Pager.send_text})
    with pytest.raises(BotError, match="it has no ConfigSchema"):
        pager(bare, config="{bell: 3}")


class Posters:
    posted: Any = None

    async def send_poster(self, command: Any, dialog: Any) -> None:
        self.posted = (command["poster"], dialog)


def test_a_mixin_adds_to_a_channel_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Command] = []

    async def send(self: Any, command: Command, dialog: Dialog) -> None:
        sent.append(command)

    monkeypatch.setattr(TelegramChannel, "send", send)
    builder = MaxBot.builder()
    builder.channel_mixin("telegram")(Posters)
    builder.channel_mixin("telegram")(Louder)
    builder.use_inline_resources("channels: {telegram: {api_token: '1:abc'}}")
    channel: Any = builder.build().channels["telegram"]
    assert issubclass(type(channel), TelegramChannel)
    dialog = Dialog("telegram", "7")
    asyncio.run(channel.send(Command({"poster": {"w": 1}}), dialog))
    assert channel.posted == ({"w": 1}, {"channel_name": "telegram", "user_id": "7"})
    channel.check({"poster": {"w": 1}})
    with pytest.raises(Undeliverable):
        channel.check({"native": {"telegram": {"getMe": {}}}})
    asyncio.run(channel.send(Command({"location": {"latitude": 1.0, "longitude": 2.0}}, key="k"), dialog))
    asyncio.run(channel.send(Command({"text": "hi"}, key="k", resend=False), dialog))
    assert sent[0].key == "k"
    assert sent[1].content == {"text": "HI"}


def test_what_a_platform_delivers_is_read_by_its_own_channel() -> None:
    builder = MaxBot.builder()
    builder.add_channel_mixin(Pager, "telegram")
    builder.use_inline_resources("channels: {telegram: {api_token: '1:abc'}}")
    with pytest.raises(BotError, match="what telegram delivers is read by its own channel"):
        builder.build()
