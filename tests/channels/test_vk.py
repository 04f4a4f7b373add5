"""VK's webhooks, calls, uploads and polling, against a stand-in for its API."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels import trouble
from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.notes import MemoryNotes
from maxbot.channels.offered import short
from maxbot.channels.vk import VkChannel
from maxbot.channels.vk.api import Denied
from maxbot.channels.vk.channel import random_id
from maxbot.channels.vk.servers import CODE_GOOD_FOR
from maxbot.channels.vk.uploads import multipart
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    Misconfigured,
    OutcomeUnknown,
    RequestError,
    RetryLater,
    SendError,
    StartError,
    StorageUnavailable,
    Unauthorized,
    Undeliverable,
)
from maxbot.testing.channels import ApiStandIn, ChannelContract, MemoryMailbox, Webhook
from maxbot.types import Command, Dialog, Update
from tests.channels.support import MemoryInbox, eventually, serving, whole_text
from tests.support.vk import GROUP, TOKEN, VkStandIn

SECRET = "aaQ13axAPQEcczQa"
ALICE = Dialog("vk", "9")
LINK = "https://example.com/a"
PNG = b"\x89PNG\r\n\x1a\n and so on"


def body(type_: str = "message_new", event: str = "e1", **message: Any) -> bytes:
    whole = {"id": 11, "date": 1, "from_id": 9, "peer_id": 9, "conversation_message_id": 11, "out": 0, **message}
    wrapped = {"message": whole, "client_info": {"lang_id": 0}} if type_ == "message_new" else message
    return json.dumps(
        {"type": type_, "group_id": GROUP, "secret": SECRET, "event_id": event, "v": "5.199", "object": wrapped}
    ).encode()


PHOTO = {"type": "photo", "photo": {"sizes": [{"url": LINK, "width": 1, "height": 2}]}}
PRESS: dict[str, Any] = {"user_id": 9, "peer_id": 9, "event_id": "a1", "payload": {"button": "red"}}


def make(**options: Any) -> VkChannel:
    return VkChannel(**{"access_token": TOKEN, "secret_key": SECRET, "rate": 1e6, "timeout": 5.0, **options})


class TestContract(ChannelContract):
    answer = (200, b'{"response":5}')
    refusal = (200, b'{"error":{"error_code":914,"error_msg":"Message is too long","request_params":[]}}')

    def channel(self, api_url: str) -> Channel:
        return make(api_url=api_url, timeout=1.0)

    def webhooks(self) -> Sequence[Webhook]:
        return [
            ({}, body(text="hello", event="e1")),
            ({}, body(text="hello", event="e2")),
            ({}, body(attachments=[PHOTO], text="see", event="e3")),
            ({}, body(text="Red", payload='{"button":"red"}', event="e4")),
            ({}, body(geo={"coordinates": {"latitude": 1, "longitude": 2.5}}, event="e5")),
            ({}, body("message_event", "e6", **PRESS)),
        ]

    def forged(self) -> Sequence[Webhook]:
        good = json.loads(body(text="hello"))
        others = [{**good, "secret": secret} for secret in ("", "aaQ13axAPQEcczQb", SECRET + "a", "aaQ13ü", None)]
        return [({}, json.dumps(other).encode()) for other in (*others, {"type": "confirmation", "group_id": GROUP})]

    def dialog(self) -> Dialog:
        return ALICE


# Options


def test_options_are_those_of_the_constructor() -> None:
    options = msgspec.convert({"access_token": TOKEN}, VkChannel.Options)
    VkChannel(**msgspec.structs.asdict(options))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"access_token": ""}, "access_token"),
        ({"access_token": "wrong one"}, "access_token"),
        ({"secret_key": "wrong one"}, "secret_key"),
        ({"secret_key": "wrong" * 11}, "secret_key"),
        ({"secret_key": ["good", ""]}, "secret_key"),
        ({"server_title": "wrong, as it is too long"}, "server_title"),
        ({"api_url": "ftp://wrong"}, "api_url"),
        ({"timeout": 0}, "timeout"),
        ({"rate": 0}, "rate"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_and_not_repeated(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} ") as caught:
        make(**options)
    assert "wrong" not in repr(caught.value)


def test_polling_is_preferred_unless_webhooks_were_set_up() -> None:
    assert make(secret_key=None).prefers_polling
    assert make(secret_key=None).polls
    assert not make().prefers_polling
    assert not make(secret_key=None, confirmation_code="c").prefers_polling


# Verification


def test_without_a_secret_nothing_is_verified_until_the_server_registers() -> None:
    channel = make(secret_key=None)
    assert not channel.verifies
    channel.verify(Request(b'{"type":"message_new","group_id":1,"object":{}}'))
    channel.will_register()
    assert channel.verifies
    assert len(channel.secrets[1]) == 50, "VK takes no more"
    with pytest.raises(Unauthorized):
        channel.verify(Request(body(text="a")))
    assert make(secret_key=None).secrets == channel.secrets, "it is the same after every start"


def test_two_secrets_are_right_while_one_replaces_the_other() -> None:
    for secrets in (["new", SECRET], [SECRET, "old"]):
        make(secret_key=secrets).verify(Request(body(text="a")))
    with pytest.raises(Unauthorized):
        make(secret_key=["new", "newer"]).verify(Request(body(text="a")))


def test_an_event_of_another_community_is_refused() -> None:
    make(group_id=GROUP).verify(Request(body(text="a")))
    with pytest.raises(BadRequest, match="another community"):
        make(group_id=8).verify(Request(body(text="a")))


def test_the_secret_goes_before_everything_else() -> None:
    with pytest.raises(Unauthorized):
        make(group_id=8, secret_key="other").verify(Request(body(text=["malformed"])))


def test_every_changed_bit_of_the_secret_is_refused() -> None:
    good = body(text="hello")
    begin = good.index(SECRET.encode())
    for place in range(begin * 8, (begin + len(SECRET)) * 8):
        changed = bytearray(good)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(RequestError):
            make().verify(Request(bytes(changed)))


# Updates


RECORDED = json.loads((Path(__file__).parent / "payloads" / "vk.json").read_text())


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["what"])
def test_what_others_recorded(recorded: dict[str, Any]) -> None:
    assert recorded["source"].startswith("https://github.com/")
    assert make().parse(Request(json.dumps(recorded["body"]).encode())) == expected(recorded)


def expected(recorded: dict[str, Any], channel: str = "vk") -> list[Update]:
    return [
        Update(Dialog(channel, one["user"]), one["key"], one["message"], one["sequence"], one.get("address"))
        for one in recorded["updates"]
    ]


def test_a_text() -> None:
    expected = [Update(ALICE, "e1", {"text": "Grüße 😀"}, 11)]
    assert make().parse(Request(body(text="Grüße 😀"))) == expected


def test_a_text_is_as_the_user_wrote_it() -> None:
    assert make().parse(Request(body(text="a &amp;lt; b &lt;&quot;&#39;&gt;")))[0].message == {"text": "a &lt; b <\"'>"}


def test_a_chat_is_one_dialog() -> None:
    [update] = make().parse(Request(body(text="a", peer_id=2000000007, id=0)))
    assert (update.dialog, update.key) == (Dialog("vk", "2000000007"), "e1")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"attachments": [PHOTO], "text": "see"}, {"image": {"url": LINK, "width": 1, "height": 2, "caption": "see"}}),
        (
            {"attachments": [{"type": "doc", "doc": {"url": LINK, "title": "a.pdf", "ext": "pdf", "size": 9}}]},
            {"file": {"url": LINK, "name": "a.pdf", "size": 9}},
        ),
        (
            {"attachments": [{"type": "audio_message", "audio_message": {"link_ogg": LINK, "duration": 3}}]},
            {"audio": {"url": LINK, "duration": 3, "voice": True}},
        ),
        (
            {"geo": {"coordinates": {"latitude": 1.0, "longitude": 2.0}, "place": {"title": "Castle"}}, "text": "here"},
            {"location": {"latitude": 1.0, "longitude": 2.0, "name": "Castle"}, "text": "here"},
        ),
        ({"attachments": [{"type": "wall", "wall": {"id": 1}}], "text": "look"}, {"text": "look"}),
        (
            {"text": "Red", "payload": '{"button":"red"}'},
            {"button": {"payload": "red", "title": "Red"}, "text": "Red"},
        ),
        (
            {"text": "Start", "payload": '{"command": "start"}'},
            {"button": {"payload": '{"command":"start"}', "title": "Start"}, "text": "Start"},
        ),
        ({"text": "A", "payload": "no JSON"}, {"button": {"payload": "no JSON", "title": "A"}, "text": "A"}),
    ],
)
def test_each_kind_of_message(sent: dict[str, Any], message: dict[str, Any]) -> None:
    [update] = make().parse(Request(body(**sent)))
    assert (update.dialog, update.message) == (ALICE, message)


def test_a_pressed_callback_button() -> None:
    assert make().parse(Request(body("message_event", **PRESS))) == [
        Update(ALICE, "e1", {"button": {"payload": "red"}}),
    ]
    [update] = make().parse(Request(body("message_event", **{**PRESS, "payload": {"a": 1}})))
    assert update.message == {"button": {"payload": '{"a":1}'}}


def test_what_an_author_asks_for_comes_as_it_is() -> None:
    channel = make(native=["sticker", "group_join"])
    sticker = {"type": "sticker", "sticker": {"sticker_id": 5}}
    assert channel.parse(Request(body(attachments=[sticker])))[0].message == {"native": {"sticker": {"sticker_id": 5}}}
    [update] = channel.parse(Request(body("group_join", user_id=9, join_type="join")))
    assert update == Update(ALICE, "e1", {"native": {"group_join": {"user_id": 9, "join_type": "join"}}})
    assert not make().parse(Request(body("group_join", user_id=9)))
    assert not make().parse(Request(body(attachments=[sticker])))


@pytest.mark.parametrize(
    "content",
    [
        body("message_reply", out=1, text="a"),
        body("message_edit", text="a"),
        body("message_deny", user_id=9),
        body(text="a", out=1),
        body(text="a", from_id=-GROUP),
        body(text="", action={"type": "chat_invite_user"}),
        body(text=""),
        body(attachments=[{"type": "photo", "photo": {"sizes": []}}]),
    ],
)
def test_what_the_bot_has_nothing_to_say_to_is_acknowledged(content: bytes) -> None:
    received = asyncio.run(make().receive(Request(content)))
    assert (list(received.updates), received.answer_to([]).body) == ([], b"ok")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\udc00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
attachments = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["photo", "doc", "audio_message", "sticker"])})
    | st.just(PHOTO)
    | json_values,
    max_size=3,
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["message_new", "message_event", "group_join"]), "secret": st.just(SECRET)},
    optional={
        "event_id": st.text(max_size=5) | json_values,
        "group_id": st.just(GROUP) | json_values,
        "object": json_values
        | st.fixed_dictionaries(
            {
                "message": st.fixed_dictionaries(
                    {"from_id": st.integers(-5, 2**70)},
                    optional={
                        "peer_id": st.integers(),
                        "id": st.integers(0, 9),
                        "text": st.text() | json_values,
                        "payload": st.text() | json_values,
                        "attachments": attachments,
                        "geo": json_values,
                    },
                )
            }
        )
        | st.fixed_dictionaries(
            {
                "user_id": st.integers(),
                "peer_id": st.integers(),
                "event_id": st.text(max_size=3),
                "payload": json_values,
            }
        ),
    },
)


@settings(deadline=None)
@given(st.binary() | st.one_of(json_values, events).map(lambda value: json.dumps(value).encode()))
def test_any_input_is_storable_updates_or_is_refused(content: bytes) -> None:
    channel = make(native=["group_join", "sticker"], confirmation_code="c")
    try:
        updates = asyncio.run(channel.receive(Request(content))).updates
    except RequestError:
        return
    for update in updates:
        assert 1 <= len(update.key) <= 200
        assert msgspec.json.decode(msgspec.json.encode(update.message).decode()) == update.message


def test_no_malformed_body_is_answered_5xx() -> None:
    async def main() -> None:
        dice, good = random.Random(1), body(text="hello")
        async with VkStandIn() as vk, serving(make(confirmation_code="c")) as url:
            for _ in range(300):
                changed = bytearray(good[: dice.randrange(len(good))] if dice.random() < 0.2 else good)
                for _ in range(dice.randrange(1, 4)):
                    if changed:
                        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
                status, _ = await post(f"{url}/vk", bytes(changed))
                assert status < 500
            assert not vk.calls

    asyncio.run(main())


async def post(url: str, content: bytes) -> tuple[int, str]:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.post(url, data=content) as response:
        return response.status, await response.text()


# Sending


async def started(vk: VkStandIn | ApiStandIn, use: Callable[[VkChannel], Awaitable[Any]], **options: Any) -> Any:
    notes = options.pop("notes", None) or MemoryNotes()
    channel = make(api_url=vk.url, **options)
    await channel.start(Services(MemoryMailbox(), notes))
    try:
        return await use(channel)
    finally:
        await channel.close()


def run(scenario: Callable[[VkStandIn], Awaitable[Any]], **faults: Any) -> Any:
    async def main() -> Any:
        async with VkStandIn(**faults) as vk:
            return await asyncio.wait_for(scenario(vk), 60)

    return asyncio.run(main())


def seen(content: dict[str, Any], **options: Any) -> dict[str, str]:
    """Send a content; return what the user sees, without what every message has."""

    async def scenario(vk: VkStandIn) -> dict[str, str]:
        await started(vk, lambda channel: channel.send(Command(content, "cmd-1"), ALICE), **options)
        [message] = vk.seen
        assert message.pop("peer_id") == "9"
        assert message.pop("random_id") == "1948127940"
        assert message.pop("disable_mentions") == "1"
        return message

    result: dict[str, str] = run(scenario)
    return result


def keys(*rows: Sequence[tuple[str, str]], **more: Any) -> str:
    buttons = [[{"action": action(*button), "color": "primary"} for button in row] for row in rows]
    return compact({**more, "buttons": buttons})


def action(title: str, value: str) -> dict[str, str]:
    return {"type": "text", "label": title, "payload": compact({"button": value})}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ({"text": "Grüße & <b>"}, {"message": "Grüße & <b>"}),
        (
            {
                "text": "😀 bold link",
                "formats": [
                    {"style": "bold", "start": 2, "end": 6},
                    {"style": "link", "start": 7, "end": 11, "url": LINK},
                    {"style": "code", "start": 0, "end": 1},
                ],
            },
            {
                "message": "😀 bold link",
                "format_data": '{"version":1,"items":[{"type":"bold","offset":3,"length":4},'
                f'{{"type":"url","offset":8,"length":4,"url":"{LINK}"}}]}}',
            },
        ),
        ({"image": {"url": "photo1_2", "caption": "see"}}, {"message": "see", "attachment": "photo1_2"}),
        ({"video": {"url": LINK, "caption": "see"}}, {"message": f"see\n{LINK}"}),
        ({"location": {"latitude": 1.5, "longitude": 2, "name": "N"}}, {"lat": "1.5", "long": "2.0", "message": "N"}),
        (
            {"buttons": {"text": "Which?", "buttons": [{"title": "Red", "payload": "r"}, {"title": 'B"lue'}]}},
            {"message": "Which?", "keyboard": keys([("Red", "r"), ('B"lue', 'B"lue')], inline=True)},
        ),
        (
            {"buttons": {"text": "Which?", "buttons": [{"title": "More", "url": LINK}]}},
            {
                "message": "Which?",
                "keyboard": '{"inline":true,"buttons":[[{"action":{"type":"open_link","label":"More",'
                f'"link":"{LINK}"}}}}]]}}',
            },
        ),
        (
            {"buttons": {"text": "Which?", "image": {"url": "photo1_2"}, "buttons": [{"title": "Red"}]}},
            {"message": "Which?", "attachment": "photo1_2", "keyboard": keys([("Red", "Red")], inline=True)},
        ),
        (
            {"quick_replies": {"text": "Which?", "replies": [{"title": "Red", "payload": "r"}]}},
            {"message": "Which?", "keyboard": keys([("Red", "r")], one_time=True)},
        ),
        ({"native": {"vk": {"sticker_id": 5}}}, {"sticker_id": "5"}),
    ],
)
def test_each_kind_is_sent(content: dict[str, Any], fields: dict[str, str]) -> None:
    assert make().expand(content) == [content]
    assert seen(content) == fields


@pytest.mark.parametrize("count", [1, 5, 6, 7, 10])
def test_all_buttons_of_a_message_are_taken(count: int) -> None:
    for title in ("B", "A title of some length"):
        buttons = [{"title": f"{title} {number}", "payload": "x" * 200} for number in range(count)]
        [content] = make().expand({"buttons": {"text": "Which?", "buttons": buttons}})
        assert sum(map(len, json.loads(seen(content)["keyboard"])["buttons"])) == count


@pytest.mark.parametrize("count", [11, 40])
def test_more_buttons_go_below_the_input_field(count: int) -> None:
    for title in ("B", "A title of some length"):
        buttons = [{"title": f"{title} {number}"} for number in range(count)]
        [content] = make().expand({"buttons": {"text": "Which?", "buttons": buttons}})
        keyboard = json.loads(seen(content)["keyboard"])
        assert keyboard["one_time"]
        assert sum(map(len, keyboard["buttons"])) == count


@pytest.mark.parametrize("payload", ["ü" * 121, '"' * 121])
def test_a_payload_of_the_greatest_length_is_taken_and_a_longer_one_has_a_name(payload: str) -> None:
    [content] = make().expand({"buttons": {"text": "Which?", "buttons": [{"title": "Red", "payload": payload}]}})
    seen(content)
    longer = {"buttons": {"text": "Which?", "buttons": [{"title": "Red", "payload": payload + "ü"}]}}
    [content] = make().expand(longer)
    seen(content)
    assert content["buttons"]["buttons"] == [{"title": "Red", "payload": short(payload + "ü")}]


def test_a_long_text_becomes_several_messages() -> None:
    for part in make().expand({"text": "😀 " * 3000}):
        assert seen(part) == {"message": part["text"]}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"poll": {}},
        {"text": 1},
        {"image": {}},
        {"native": {"vk": {"peer_id": 1}}},
        {"native": {"telegram": {"a": 1}}},
    ],
)
def test_what_vk_cannot_be_sent_is_undeliverable(content: dict[str, Any]) -> None:
    async def scenario(vk: VkStandIn) -> None:
        with pytest.raises(Undeliverable):
            await started(vk, lambda channel: channel.send(Command(content), ALICE))
        with pytest.raises(Undeliverable):
            await started(vk, lambda channel: channel.send(Command({"text": "a"}), Dialog("vk", "alice")))
        assert not vk.calls

    run(scenario)


def test_typing_is_shown() -> None:
    async def scenario(vk: VkStandIn) -> None:
        await started(vk, lambda channel: channel.typing(ALICE))
        assert vk.calls == [("messages.setActivity", {"peer_id": "9", "type": "typing"})]

    run(scenario)


def test_a_reply_grows_in_one_message_which_is_begun_once() -> None:
    async def scenario(vk: VkStandIn) -> None:
        async def grow(channel: VkChannel) -> None:
            begun = await channel.draft("One", ALICE, "7.0.begun")
            # Somebody else, who does not know its name.
            assert await channel.draft("One t", ALICE, "7.0.begun") == begun == {"message_id": 1}
            await channel.draft("One two", ALICE, "7.0.begun", begun)
            assert [message["message"] for message in vk.seen] == ["One two"]
            done = Command({"text": "One two three"}, "7.0", begun=begun)
            await channel.send(done, ALICE)
            await channel.send(done, ALICE)
            assert [message["message"] for message in vk.seen] == ["One two three"]
            vk.gone.add(1)
            await channel.send(done, ALICE)
            assert [message["message"] for message in vk.seen] == ["One two three", "One two three"]
            with pytest.raises(Undeliverable, match="chats"):
                await channel.draft("One", Dialog("vk", "2000000001"), "8.0.begun")

        await started(vk, grow)

    run(scenario)


def test_a_reply_that_may_have_been_begun_is_found() -> None:
    async def scenario(vk: VkStandIn) -> None:
        async def grow(channel: VkChannel) -> None:
            await channel.draft("One", ALICE, "a.7.0.begun")
            for _ in range(2):
                await channel.send(Command({"text": "One two"}, "a.7.0", begun={}), ALICE)
                await channel.send(Command({"text": "not begun"}, "a.8.0", begun={}), ALICE)
            assert [message["message"] for message in vk.seen] == ["One two", "not begun"]
            await channel.send(Command({"text": "in a chat"}, "a.9.0", begun={}), Dialog("vk", "2000000001"))
            assert vk.seen[-1]["message"] == "in a chat"

        await started(vk, grow)

    run(scenario)


def test_a_pressed_button_is_answered_at_once() -> None:
    async def scenario(vk: VkStandIn) -> None:
        async def receive(channel: VkChannel) -> None:
            await channel.receive(Request(body("message_event", **PRESS)))
            await eventually(lambda: vk.calls)

        await started(vk, receive)
        answered = {"event_id": "a1", "user_id": "9", "peer_id": "9"}
        assert vk.calls == [("messages.sendMessageEventAnswer", answered)]

    run(scenario)


def test_the_number_of_a_message_is_always_the_same_and_of_31_bits() -> None:
    assert random_id("cmd-1") == 1948127940
    assert all(1 <= random_id(str(number)) < 2**31 for number in range(1000))
    assert all(1 <= random_id("") < 2**31 for _ in range(100))


def test_no_message_arrives_twice_although_answers_are_lost() -> None:
    """And over a restart: the number comes from the command's key."""
    texts = [f"message {number}" for number in range(400)]

    async def until_sent(channel: VkChannel, text: str) -> None:
        while True:
            try:
                return await channel.send(Command({"text": text}, f"key of {text}"), ALICE)
            except (OutcomeUnknown, RetryLater):
                continue

    async def scenario(vk: VkStandIn) -> None:
        for half in (texts[:200], texts[200:]):

            async def send_all(channel: VkChannel, half: list[str] = half) -> None:
                for text in half:
                    await until_sent(channel, text)

            await started(vk, send_all)
        async with asyncio.timeout(60):  # somebody sends the last ones again, as nobody wrote down that they were sent
            await started(vk, lambda channel: until_sent(channel, texts[-1]))
        assert [message["message"] for message in vk.seen] == texts
        assert vk.repetitions > 10
        assert vk.outcomes.count("lost") > 5

    run(scenario, p_lost=0.03, p_500_after=0.03, p_5xx=0.03, p_429=0.0, seed=3)


# Errors


def test_each_error_means_what_the_table_says() -> None:
    cases: list[tuple[int, type[SendError], dict[str, Any]]] = [
        (6, RetryLater, {"retry_after": 1.0, "reach": "channel"}),
        (9, RetryLater, {"retry_after": 60.0, "reach": "dialog"}),
        (29, RetryLater, {"retry_after": 60.0, "reach": "channel"}),
        (1, OutcomeUnknown, {}),
        (10, OutcomeUnknown, {}),
        (5, Misconfigured, {"reach": "channel"}),
        (7, Denied, {"reach": "dialog"}),
        (15, Denied, {"reach": "dialog"}),
        (901, DialogClosed, {}),
        (917, DialogClosed, {}),
        (912, Undeliverable, {}),
        (914, Undeliverable, {}),
        (100, Undeliverable, {}),
        (12345, Undeliverable, {}),
    ]

    async def main() -> None:
        async with ApiStandIn() as api:
            for code, kind, fields in cases:
                error = {"error_code": code, "error_msg": f"no {TOKEN}", "request_params": [{"key": "v"}]}
                api.answer(200, json.dumps({"error": error}).encode())
                with pytest.raises(SendError) as caught:
                    await started(api, lambda channel: channel.send(Command({"text": "a"}), ALICE))
                assert type(caught.value) is kind
                assert {name: getattr(caught.value, name) for name in fields} == fields
                assert TOKEN not in whole_text(caught.value)
                assert f"({code})" in str(caught.value)

    asyncio.run(main())


def test_a_user_who_allows_no_messages_closes_the_dialog() -> None:
    async def scenario(vk: VkStandIn) -> None:
        vk.allowed = set()
        with pytest.raises(DialogClosed, match="without permission"):
            await started(vk, lambda channel: channel.send(Command({"text": "a"}), ALICE))

    run(scenario)


def test_a_wrong_token_loses_no_message() -> None:
    async def scenario(vk: VkStandIn) -> None:
        with pytest.raises(Misconfigured, match="check access_token"):
            await started(vk, lambda channel: channel.send(Command({"text": "a"}), ALICE), access_token="wrong")

    run(scenario)


def test_messages_keep_below_the_limit_of_the_account() -> None:
    async def scenario(vk: VkStandIn) -> None:
        async def send_two(channel: VkChannel) -> None:
            await channel.send(Command({"text": "a"}, "1"), ALICE)
            with pytest.raises(RetryLater, match="limit") as caught:
                await channel.send(Command({"text": "a"}, "2"), ALICE)
            assert 15 < (caught.value.retry_after or 0) <= 20

        await started(vk, send_two, rate=3 / 60)
        assert len(vk.seen) == 1

    run(scenario)


# Uploads


async def with_files(use: Callable[[str], Awaitable[Any]]) -> Any:
    """Serve a few files on this machine, which is not public."""

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query.get("to", "/a.png"))

    async def around(request: web.Request) -> web.Response:
        raise web.HTTPFound("/around")

    async def image(request: web.Request) -> web.Response:
        return web.Response(body=PNG)

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    files = {"a.png": image, "page": page, "moved": moved, "around": around}
    app.add_routes([web.get(f"/{name}", serve) for name, serve in files.items()])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return await use(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


def sent_file(content: Callable[[str], dict[str, Any]], **options: Any) -> tuple[dict[str, str], VkStandIn]:
    async def scenario(vk: VkStandIn) -> tuple[dict[str, str], VkStandIn]:
        async def use(url: str) -> None:
            vk.refuses_uploads = options.pop("refuses_uploads", False)
            hosts = options.pop("private_hosts", ["127.0.0.1"])
            command = Command(content(url), "cmd-1")
            await started(vk, lambda channel: channel.send(command, ALICE), private_hosts=hosts, **options)

        await with_files(use)
        [message] = vk.seen
        return message, vk

    result: tuple[dict[str, str], VkStandIn] = run(scenario)
    return result


@pytest.mark.parametrize("path", ["a.png", "moved"])
def test_an_image_is_uploaded(path: str) -> None:
    message, vk = sent_file(lambda url: {"image": {"url": f"{url}/{path}", "caption": "see"}})
    assert (message["message"], message["attachment"]) == ("see", f"photo-{GROUP}_0_key")
    assert vk.uploaded[message["attachment"]] == PNG


@pytest.mark.parametrize("content", [{"file": {"name": "b.png"}}, {"audio": {}}, {"audio": {"voice": True}}])
def test_a_file_is_uploaded(content: dict[str, dict[str, Any]]) -> None:
    [(kind, value)] = content.items()
    message, vk = sent_file(lambda url: {kind: {**value, "url": f"{url}/a.png"}})
    assert vk.uploaded[message["attachment"]] == PNG
    name = next(iter(vk.uploaded))
    assert name == ("audio_message|0|a.png" if value.get("voice") else f"doc|0|{value.get('name', 'a.png')}")


def test_an_image_with_buttons_is_one_message() -> None:
    message, _ = sent_file(
        lambda url: {"buttons": {"text": "Which?", "image": {"url": f"{url}/a.png"}, "buttons": [{"title": "Red"}]}}
    )
    assert message["message"] == "Which?"
    assert message["attachment"].startswith("photo")
    assert "keyboard" in message


@pytest.mark.parametrize(
    ("path", "options", "reason"),
    [
        ("page", {}, "no JPEG, PNG or GIF"),
        ("gone", {}, "answers 404"),
        ("a.png", {"private_hosts": []}, "not public"),
        ("moved?to=http://localhost:1/a", {}, "not public"),
        ("moved?to=file:///etc/passwd", {}, "http"),
        ("around", {}, "redirects more than 3 times"),
        ("a.png", {"refuses_uploads": True}, "does not take the image"),
    ],
)
def test_what_cannot_be_uploaded_is_sent_as_a_link(
    path: str, options: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    message, _ = sent_file(lambda url: {"image": {"url": f"{url}/{path}", "caption": "see"}}, **options)
    assert message["message"].startswith("see\nhttp://127.0.0.1:")
    assert "attachment" not in message
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "as a link" in record.getMessage()
    assert reason in record.getMessage()


def test_the_name_of_a_file_cannot_break_its_form() -> None:
    form, media_type = multipart("file", 'a"\r\nb\\', b"body")
    assert b'filename="a___b_"' in form
    assert form.count(media_type.partition("boundary=")[2].encode()) == 2


# Registration


def test_every_worker_proves_that_it_is_the_community() -> None:
    async def scenario(vk: VkStandIn) -> None:
        other = make(api_url=vk.url)
        await other.start(Services(mailbox=MemoryMailbox()))

        async def register(channel: VkChannel) -> None:
            async with serving(other) as url:
                await channel.register(f"{url}/vk")
                await channel.register(f"{url}/vk")

        try:
            await started(vk, register)
        finally:
            await other.close()
        assert [server["secret_key"] for server in vk.servers.values()] == [SECRET]
        assert vk.confirmed[0], "the worker that answered is another one than that which registered"
        method, fields = vk.calls[-1]
        assert method == "groups.setCallbackSettings"
        assert fields["message_new"] == fields["message_event"] == fields["message_deny"] == "1"
        assert fields["api_version"] == "5.199"

    run(scenario)


def test_servers_of_others_stay_and_ours_is_found_by_its_title() -> None:
    async def scenario(vk: VkStandIn) -> None:
        theirs = {"url": "https://other.example/vk", "title": "OTHER", "secret_key": "x"}
        vk.servers = {3: dict(theirs), 4: {"url": "https://old.example", "title": "MAXBOT", "secret_key": "x"}}

        async def register(channel: VkChannel) -> None:
            async with serving(channel) as url:
                await channel.register(f"{url}/vk")

        await started(vk, register)
        assert vk.servers[3] == theirs
        assert vk.servers[4]["url"].endswith("/vk")
        assert len(vk.servers) == 2

    run(scenario)


def test_the_code_is_asked_for_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(vk: VkStandIn) -> None:
        async def confirm(channel: VkChannel) -> None:
            confirmation = Request(json.dumps({"type": "confirmation", "group_id": GROUP, "secret": SECRET}).encode())
            loop = asyncio.get_running_loop()
            now = loop.time()
            for code, ago in (("code-0", 0.0), ("code-0", CODE_GOOD_FOR - 1), ("code-9", CODE_GOOD_FOR + 1)):
                monkeypatch.setattr(loop, "time", lambda ago=ago: now + ago)
                assert (await channel.receive(confirmation)).answer_to([]).body == code.encode()
                monkeypatch.undo()
                vk.code = "code-9"

        await started(vk, confirm, group_id=GROUP)

    run(scenario)


def test_a_confirmation_that_cannot_be_given_now_is_asked_for_later() -> None:
    confirmation = json.dumps({"type": "confirmation", "group_id": GROUP, "secret": SECRET}).encode()

    async def main() -> None:
        async with ApiStandIn() as api:
            api.answer(500, b"")

            async def receive(channel: VkChannel) -> None:
                with pytest.raises(StorageUnavailable):
                    await channel.receive(Request(confirmation))

            await started(api, receive)

    asyncio.run(main())
    received = asyncio.run(make(confirmation_code="by-hand").receive(Request(confirmation)))
    assert received.answer_to([]).body == b"by-hand"


def test_what_vk_does_not_take_says_why() -> None:
    async def scenario(vk: VkStandIn) -> None:
        vk.servers = {number: {"url": "https://a", "title": str(number)} for number in range(10)}
        with pytest.raises(SendError, match="did not register the webhook: Servers number limit"):
            await started(vk, lambda channel: channel.register("https://example.com/vk"))

    run(scenario)


def test_an_operator_is_told_what_to_enter_where() -> None:
    greeting = make().greeting("http://localhost", registers=False)
    assert greeting is not None
    assert "https://YOUR-HOST/vk" in greeting
    assert "5.199" in greeting
    assert SECRET not in greeting
    assert make().greeting("http://localhost", registers=True) is None


# Polling


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(trouble, "LONGEST_WAIT", 0.02)


def event(number: int, text: str = "a") -> dict[str, Any]:
    return {name: value for name, value in json.loads(body(event=f"e{number}", text=text)).items() if name != "secret"}


async def polling(vk: VkStandIn, inbox: Any, scenario: Callable[[], Awaitable[None]], **options: Any) -> None:
    async def poll(channel: VkChannel) -> None:
        task = asyncio.create_task(channel.poll(inbox.accept))
        try:
            await scenario()
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert task.cancelled()

    await started(vk, poll, secret_key=None, **options)


def test_polling_fetches_in_order_and_skips_what_is_malformed() -> None:
    async def scenario(vk: VkStandIn) -> None:
        inbox = MemoryInbox()

        async def fetch() -> None:
            await eventually(lambda: any(method == "poll" for method, _ in vk.calls))
            vk.happen(*(event(number) for number in range(3)), {"type": 5}, event(3))
            await eventually(lambda: len(inbox.updates) == 4)

        await polling(vk, inbox, fetch)
        assert [update.key for update in inbox.updates] == ["e0", "e1", "e2", "e3"]
        assert vk.calls[1] == (
            "groups.setLongPollSettings",
            {"group_id": "7", "enabled": "1", "api_version": "5.199", "message_new": "1", "message_event": "1"},
        )

    run(scenario)


@pytest.mark.usefixtures("quick")
def test_only_what_was_accepted_is_confirmed() -> None:
    class Failing(MemoryInbox):
        failures = 3

        async def accept(self, updates: Sequence[Update]) -> list[bool]:
            if updates and self.failures:
                self.failures -= 1
                raise StorageUnavailable("disk full")
            return await super().accept(updates)

    async def scenario(vk: VkStandIn) -> None:
        inbox = Failing()

        async def fetch() -> None:
            await eventually(lambda: any(method == "poll" for method, _ in vk.calls))
            vk.happen(event(0), event(1))
            await eventually(lambda: len(inbox.updates) == 2)

        await polling(vk, inbox, fetch)
        assert [query["ts"] for method, query in vk.calls if method == "poll"].count("0") >= 4

    run(scenario)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("failed", "asked_again"), [({"failed": 1, "ts": "1"}, 1), ({"failed": 2}, 2), ({"failed": 3}, 2)]
)
def test_polling_goes_on_when_its_session_is_over(failed: dict[str, Any], asked_again: int) -> None:
    async def scenario(vk: VkStandIn) -> None:
        inbox = MemoryInbox()
        vk.happen(event(0))

        async def fetch() -> None:
            await eventually(lambda: any(method == "poll" for method, _ in vk.calls))
            vk.failed.append(failed)
            await eventually(lambda: not vk.failed)
            polls = len(vk.calls)
            await eventually(lambda: len(vk.calls) > polls + 1)
            vk.happen(event(1))
            await eventually(lambda: inbox.updates)

        await polling(vk, inbox, fetch)
        assert [update.key for update in inbox.updates] == ["e1"]
        assert [method for method, _ in vk.calls].count("groups.getLongPollServer") == asked_again

    run(scenario)


def test_what_happens_while_nobody_polls_is_fetched_by_the_next_one() -> None:
    """VK's own place to begin is now: whoever takes that loses what came during a restart."""

    async def scenario(vk: VkStandIn) -> None:
        inbox, notes = MemoryInbox(), MemoryNotes()

        async def fetch() -> None:
            polls = len(vk.calls)
            await eventually(lambda: any(method == "poll" for method, _ in vk.calls[polls:]))
            vk.happen(event(len(vk.events)))
            await eventually(lambda: len(inbox.updates) == len(vk.events))

        for _ in range(5):
            await polling(vk, inbox, fetch, notes=notes)
            vk.happen(event(len(vk.events)))
        assert [update.key for update in inbox.updates] == [f"e{number}" for number in range(9)]

    run(scenario)


def test_polling_with_a_wrong_token_ends() -> None:
    async def scenario(vk: VkStandIn) -> None:
        with pytest.raises(StartError, match="check access_token"):
            await started(vk, lambda channel: channel.poll(MemoryInbox().accept), access_token="wrong")

    run(scenario)
