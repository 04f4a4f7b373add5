"""Telegram's webhooks, calls and polling, against a stand-in for its API."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maxbot.channels import trouble
from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.telegram import channel as telegram_channel
from maxbot.channels.telegram import polling as telegram_polling
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    Misconfigured,
    Moved,
    OutcomeUnknown,
    RetryLater,
    SendError,
    StartError,
    StorageUnavailable,
    Unauthorized,
    Undeliverable,
)
from maxbot.testing.channels import ApiStandIn, ChannelContract, MemoryMailbox, Webhook
from maxbot.types import Command, Dialog, Update
from tests.channels.support import eventually, whole_text

TOKEN = "123456:AAH-not_a_real_token"
ALICE = Dialog("telegram", "42")
SENT = b'{"ok":true,"result":{"message_id":7,"date":1,"chat":{"id":42,"type":"private"},"text":"hello"}}'


def refusal(status: int, description: str, **parameters: Any) -> bytes:
    return json.dumps(
        {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    ).encode()


def body(update_id: int = 1, **message: Any) -> bytes:
    whole = {"message_id": 5, "date": 1700000000, "chat": {"id": 42, "type": "private"}, **message}
    return json.dumps({"update_id": update_id, "message": whole}).encode()


def make(**options: Any) -> TelegramChannel:
    return TelegramChannel(**{"api_token": TOKEN, **options})


class TestContract(ChannelContract):
    answer = (200, SENT)

    def channel(self, api_url: str) -> Channel:
        return make(api_url=api_url, secret_token="a-secret", timeout=1.0)

    def webhooks(self) -> Sequence[Webhook]:
        headers = {"x-telegram-bot-api-secret-token": "a-secret"}
        return [
            (headers, body(1, text="hello")),
            (headers, body(2, text="hello")),
            (headers, body(3, caption="see", photo=[{"file_id": "a", "width": 1, "height": 2, "file_size": 3}])),
            (headers, body(4, venue=VENUE, contact={"phone_number": "+1", "first_name": "A", "user_id": 7})),
            (headers, press(5)),
        ]

    def forged(self) -> Sequence[Webhook]:
        good = body(1, text="hello")
        name = "x-telegram-bot-api-secret-token"
        return [({}, good), ({name: ""}, good), ({name: "a-secreT"}, good), ({name: "a-secret\xff"}, good)]

    def dialog(self) -> Dialog:
        return ALICE


# Options


def test_options_are_those_of_the_constructor() -> None:
    options = msgspec.convert({"api_token": TOKEN}, TelegramChannel.Options)
    TelegramChannel(**msgspec.structs.asdict(options))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"api_token": TOKEN, "other": 1}, TelegramChannel.Options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"api_token": ""}, "api_token"),
        ({"api_token": "123:wrong/../getMe"}, "api_token"),
        ({"api_token": "123:wrong one"}, "api_token"),
        ({"api_token": "123:wrong\n"}, "api_token"),
        ({"api_token": "123:wröng"}, "api_token"),
        ({"secret_token": ""}, "secret_token"),
        ({"secret_token": []}, "secret_token"),
        ({"secret_token": ["good", "wrong one"]}, "secret_token"),
        ({"secret_token": "wrong one"}, "secret_token"),
        ({"secret_token": "wrong" * 60}, "secret_token"),
        ({"secret_token": "wrong\n"}, "secret_token"),
        ({"api_url": "ftp://wrong"}, "api_url"),
        ({"api_url": "https://"}, "api_url"),
        ({"api_url": "https://wrong:port"}, "api_url"),
        ({"api_url": "https://wrong:99999"}, "api_url"),
        ({"api_url": "https://[wrong"}, "api_url"),
        ({"api_url": "https://user:wrong@host"}, "api_url"),
        ({"api_url": "https://host?wrong=1"}, "api_url"),
        ({"api_url": "https://host#"}, "api_url"),
        ({"api_url": "https://host /wrong"}, "api_url"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_and_not_repeated(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} ") as caught:
        make(**options)
    assert "wrong" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_slash_at_the_end_of_the_url_does_not_matter() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, SENT)
        await with_channel(
            make(api_url=f"{api.url}/prefix/"), lambda channel: channel.send(Command({"text": "a"}), ALICE)
        )
        assert api.requests[0][1] == f"/prefix/bot{TOKEN}/sendMessage"

    run(scenario)


def test_a_token_with_other_characters_stays_in_its_place() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, SENT)
        channel = make(api_url=api.url, api_token="1:a?b#c%2Fd")
        await with_channel(channel, lambda channel: channel.send(Command({"text": "a"}), ALICE))
        assert api.requests[0][1] == "/bot1:a%3Fb%23c%252Fd/sendMessage"

    run(scenario)


# Verification


def test_without_a_secret_nothing_is_verified() -> None:
    channel = make()
    assert not channel.verifies
    channel.verify(Request(b"", {}))


def test_webhooks_that_the_server_registers_have_a_secret_of_their_own() -> None:
    channel = make()
    channel.will_register()
    assert channel.verifies
    with pytest.raises(Unauthorized):
        channel.verify(Request(b"", {}))
    secret = channel.secrets[1]
    channel.verify(Request(b"", {"x-telegram-bot-api-secret-token": secret}))
    label = b"maxbot: the secret of Telegram's webhooks"
    assert secret == hmac.new(TOKEN.encode(), label, hashlib.sha256).hexdigest(), (
        "it changed: webhooks registered break"
    )
    assert make().secrets[1] == secret
    assert make(api_token="1:b").secrets[1] != secret


def test_an_own_secret_stays_when_the_server_registers() -> None:
    channel = make(secret_token="mine")
    channel.will_register()
    assert channel.secrets == (TOKEN, "mine")
    channel.verify(Request(b"", {"x-telegram-bot-api-secret-token": "mine"}))


# Updates


def test_a_text() -> None:
    assert make().parse(Request(body(9, text="Grüße 😀"))) == [Update(ALICE, "9", {"text": "Grüße 😀"}, 9)]


def test_an_empty_text() -> None:
    assert make().parse(Request(body(9, text="")))[0].message == {"text": ""}


def test_a_group_is_one_dialog() -> None:
    group = {"id": -1001234567890123, "type": "supergroup", "title": "Us"}
    assert make().parse(Request(body(9, text="a", chat=group)))[0].dialog == Dialog("telegram", "-1001234567890123")


def test_a_photo_comes_in_its_largest_size_and_without_a_url() -> None:
    sizes = [{"file_id": f"f{side}", "width": side, "height": side, "file_size": side * 9} for side in (90, 1280, 320)]
    image = {"file_id": "f1280", "width": 1280, "height": 1280, "size": 11520}
    assert make().parse(Request(body(photo=sizes)))[0].message == {"image": image}
    assert make().parse(Request(body(photo=sizes, caption="see")))[0].message == {"image": {**image, "caption": "see"}}
    del sizes[1]["file_size"]
    del image["size"]
    assert make().parse(Request(body(photo=sizes)))[0].message == {"image": image}


VENUE = {"location": {"latitude": 48.1, "longitude": 17.1}, "title": "Castle", "address": "Hill 1"}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (
            {"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 9}},
            {"file": {"file_id": "d", "name": "a.pdf", "mime_type": "application/pdf", "size": 9}},
        ),
        (
            {"audio": {"file_id": "a", "duration": 3, "title": "t"}, "caption": "c"},
            {"audio": {"file_id": "a", "duration": 3, "caption": "c"}},
        ),
        (
            {"voice": {"file_id": "v", "duration": 3, "mime_type": "audio/ogg"}},
            {"audio": {"file_id": "v", "duration": 3, "mime_type": "audio/ogg", "voice": True}},
        ),
        (
            {"video": {"file_id": "m", "width": 1, "height": 2, "duration": 2}},
            {"video": {"file_id": "m", "width": 1, "height": 2, "duration": 2}},
        ),
        (
            {"location": {"latitude": 48.1, "longitude": 17}},
            {"location": {"latitude": 48.1, "longitude": 17.0}},
        ),
        (
            {"venue": VENUE, "location": VENUE["location"]},
            {"location": {"latitude": 48.1, "longitude": 17.1, "name": "Castle", "address": "Hill 1"}},
        ),
        (
            {"contact": {"phone_number": "+421", "first_name": "J", "last_name": "K", "user_id": 7}},
            {"contact": {"name": "J K", "phone": "+421", "user_id": "7"}},
        ),
        ({"contact": {"phone_number": "+421", "first_name": "J"}}, {"contact": {"name": "J", "phone": "+421"}}),
    ],
)
def test_each_kind_of_message(sent: dict[str, Any], message: dict[str, Any]) -> None:
    [update] = make().parse(Request(body(9, **sent)))
    assert (update.dialog, update.message) == (ALICE, message)


def press(update_id: int = 6, **message: Any) -> bytes:
    whole = {"message_id": 1, "date": 1, "chat": {"id": 42, "type": "private"}, **message}
    query = {"id": "4382", "from": {"id": 7}, "message": whole, "data": "red"}
    return json.dumps({"update_id": update_id, "callback_query": query}).encode()


def test_a_pressed_button() -> None:
    keyboard = {
        "inline_keyboard": [[{"text": "Blue", "callback_data": "b"}], [{"text": "Red", "callback_data": "red"}]]
    }
    [update] = make().parse(Request(press(reply_markup=keyboard)))
    assert update == Update(ALICE, "6", {"button": {"payload": "red", "title": "Red"}}, 6)
    assert make().parse(Request(press()))[0].message == {"button": {"payload": "red"}}


def test_a_press_is_heard_at_once_whatever_telegram_says_to_that() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(400, refusal(400, "Bad Request: query is too old"))

        async def receive(channel: TelegramChannel) -> None:
            received = await channel.receive(Request(press()))
            assert [update.key for update in received.updates] == ["6"]
            await eventually(lambda: api.requests)

        await with_channel(make(api_url=api.url), receive)
        assert [(path.rpartition("/")[2], json.loads(payload)) for _, path, payload in api.requests] == [
            ("answerCallbackQuery", {"callback_query_id": "4382"})
        ]

    run(scenario)


def test_a_channel_has_the_name_of_its_account() -> None:
    channel = make()
    channel.name = "support"
    assert channel.parse(Request(body(1, text="a")))[0].dialog == Dialog("support", "42")
    assert make().name == "telegram"


def test_two_secrets_are_right_while_one_replaces_the_other() -> None:
    channel = make(secret_token=["new", "old"])
    for secret in ("new", "old"):
        channel.verify(Request(b"", {"x-telegram-bot-api-secret-token": secret}))
    with pytest.raises(Unauthorized):
        channel.verify(Request(b"", {"x-telegram-bot-api-secret-token": "other"}))
    assert channel.secrets == (TOKEN, "new", "old")


@pytest.mark.parametrize(
    "content",
    [
        b'{"update_id": 1}',
        b'{"update_id": 1, "edited_message": {"chat": {"id": 1}, "text": "a"}}',
        b'{"update_id": 1, "callback_query": {"id": "1", "data": "x"}}',
        b'{"update_id": 1, "message": null}',
        body(sticker={"file_id": "a"}),
        body(photo=[]),
        body(new_chat_members=[{"id": 1}]),
    ],
)
def test_what_the_bot_has_nothing_to_say_to_is_acknowledged(content: bytes) -> None:
    assert make().parse(Request(content)) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"secret",
        b"[]",
        b"{}",
        b'{"update_id": "secret"}',
        b'{"update_id": null}',
        b'{"update_id": true}',
        b'{"update_id": 1.5}',
        b'{"update_id": -1}',
        b'{"update_id": 9223372036854775808}',
        b'{"update_id": 1' + b"0" * 5000 + b"}",
        b'{"update_id": NaN}',
        b'{"update_id": 1, "message": "secret"}',
        b'{"update_id": 1, "message": {"text": "secret"}}',
        b'{"update_id": 1, "message": {"chat": {"id": "secret"}, "text": "secret"}}',
        b'{"update_id": 1, "message": {"chat": {"id": 1e400}, "text": "secret"}}',
        b'{"update_id": 1, "message": {"chat": {"id": 99999999999999999999}, "text": "secret"}}',
        body(text=["secret"]),
        body(text="secret \ud800"),
        b'{"update_id": 1, "message": {"chat": {"id": 1}, "text": "secret \xff"}}',
        body(photo={"secret": 1}),
        body(photo=[{"file_id": "secret", "width": 10**30, "height": 1}]),
        b'{"update_id": 1, "other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        body(text="secret").decode().encode("utf-16"),
    ],
)
def test_what_telegram_does_not_send_is_refused_without_repeating_it(content: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        make().parse(Request(content))
    assert str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\udc00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
sizes = st.fixed_dictionaries(
    {"file_id": st.text(max_size=5), "width": st.integers(-1, 10**20), "height": st.integers(0, 10**10)},
    optional={"file_size": json_values},
)
updates = st.fixed_dictionaries(
    {"update_id": st.integers(-5, 2**64) | json_values},
    optional={
        "message": json_values
        | st.fixed_dictionaries(
            {"chat": json_values | st.fixed_dictionaries({"id": st.integers() | json_values})},
            optional={
                "text": json_values,
                "caption": json_values,
                "photo": st.lists(sizes, max_size=3) | json_values,
                "voice": sizes,
                "location": st.fixed_dictionaries({"latitude": json_values, "longitude": st.floats()}),
            },
        )
    },
)


@settings(deadline=None)
@given(st.binary() | st.one_of(json_values, updates).map(lambda value: json.dumps(value).encode()))
@example(b'{"update_id": 1, "message": {"chat": {"id": 1}, "text": "\\ud800"}}')
@example(b'{"update_id": 1, "message": {"chat": {"id": 1}, "text": "\\udc00\\ud800"}}')
def test_any_input_is_storable_updates_or_a_bad_request(content: bytes) -> None:
    try:
        parsed = make().parse(Request(content))
    except BadRequest:
        return
    for update in parsed:
        assert len(update.dialog.user.encode()) <= 200
        assert len(update.key.encode()) <= 200
        assert update.sequence is not None
        assert 0 <= update.sequence < 2**63
        assert msgspec.json.decode(msgspec.json.encode(update.message).decode()) == update.message


NATIVE: dict[str, dict[str, Any]] = {
    "sticker": {"message": {"message_id": 1, "chat": {"id": 42}, "sticker": {"file_id": "s", "emoji": "👍"}}},
    "edited_message": {"edited_message": {"message_id": 1, "chat": {"id": 42}, "text": "hi!"}},
    "message_reaction": {"message_reaction": {"chat": {"id": 42}, "user": {"id": 7}, "new_reaction": []}},
    "my_chat_member": {
        "my_chat_member": {"chat": {"id": 42}, "from": {"id": 7}, "new_chat_member": {"status": "left"}}
    },
    "poll_answer": {"poll_answer": {"poll_id": "1", "user": {"id": 42}, "option_ids": [0]}},
}


@pytest.mark.parametrize("kind", NATIVE)
def test_a_bot_gets_as_it_is_what_it_asks_for_and_nothing_else(kind: str) -> None:
    request = Request(json.dumps({"update_id": 9, **NATIVE[kind]}).encode())
    assert make().parse(request) == make(native=["dice"]).parse(request) == []
    (update,) = make(native=["dice", kind]).parse(request)
    assert (update.dialog, update.key, update.sequence) == (Dialog("telegram", "42"), "9", 9)
    happened = NATIVE[kind].get(kind) or NATIVE[kind]["message"][kind]
    assert update.message == {"native": {kind: happened}}
    assert make(native=["chat", "text"]).parse(Request(text_update())) == make().parse(Request(text_update()))


def text_update() -> bytes:
    return json.dumps({"update_id": 1, "message": {"message_id": 1, "chat": {"id": 42}, "text": "hi"}}).encode()


@pytest.mark.parametrize("happened", [None, 1, {}, {"chat": 1}, {"chat": {"id": "1"}}, {"user": {"id": 2**60}}])
def test_what_happened_to_nobody_is_acknowledged(happened: Any) -> None:
    request = Request(json.dumps({"update_id": 1, "message_reaction": happened}).encode())
    assert make(native=["message_reaction"]).parse(request) == []


@pytest.mark.parametrize("is_telegrams", [False, True])
def test_the_bots_limit_is_kept_before_telegram_has_to_say_so(
    is_telegrams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author's, or at Telegram itself the usual one."""
    monkeypatch.setattr(telegram_channel, "USUAL_RATE", 5.0)

    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, SENT)

        async def say(channel: TelegramChannel) -> None:
            sends = [channel.send(Command({"text": "a"}), Dialog("telegram", str(user))) for user in range(1, 21)]
            errors = [error for error in await asyncio.gather(*sends, return_exceptions=True) if error]
            assert 5 <= len(api.requests) <= 11, "what takes longer than a second goes back to the outbox"
            assert all(isinstance(error, RetryLater) for error in errors)
            assert len(errors) == 20 - len(api.requests)

        if is_telegrams:
            monkeypatch.setattr(telegram_channel, "TELEGRAM", api.url)
        await with_channel(make(api_url=api.url, **{} if is_telegrams else {"rate": 5}), say)

    run(scenario)


# Sending


async def with_channel(channel: TelegramChannel, use: Callable[[TelegramChannel], Awaitable[Any]]) -> Any:
    await channel.start(Services(mailbox=MemoryMailbox()))
    try:
        return await use(channel)
    finally:
        await channel.close()


def run(scenario: Callable[[ApiStandIn], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with ApiStandIn() as api:
            await asyncio.wait_for(scenario(api), 60)

    asyncio.run(main())


def sent(content: dict[str, Any], status: int, answer: bytes, dialog: Dialog = ALICE) -> tuple[Any, list[Any]]:
    """Send; return what came back or was raised, and the requests that the API got."""

    async def scenario(api: ApiStandIn) -> None:
        api.answer(status, answer)
        try:
            results.append(
                await with_channel(make(api_url=api.url), lambda channel: channel.send(Command(content), dialog))
            )
        except SendError as error:
            results.append(error)
        requests.extend((path.rpartition("/")[2], json.loads(payload)) for _, path, payload in api.requests)

    results: list[Any] = []
    requests: list[Any] = []
    run(scenario)
    assert not isinstance(results[0], SendError) or TOKEN not in whole_text(results[0])
    return results[0], requests


def test_a_text_is_sent() -> None:
    result, requests = sent({"text": "Grüße"}, 200, SENT)
    assert result is None
    assert requests == [("sendMessage", {"chat_id": 42, "text": "Grüße"})]


@pytest.mark.parametrize("caption", [{}, {"caption": "see"}])
def test_an_image_is_sent(caption: dict[str, str]) -> None:
    result, requests = sent({"image": {"url": "https://example.com/a.png", **caption}}, 200, SENT)
    assert result is None
    assert requests == [("sendPhoto", {"chat_id": 42, "photo": "https://example.com/a.png", **caption})]


LINK = "https://example.com/a"


@pytest.mark.parametrize(
    ("content", "method", "payload"),
    [
        (
            {
                "text": "😀 bold link",
                "formats": [
                    {"style": "bold", "start": 2, "end": 6},
                    {"style": "link", "start": 7, "end": 11, "url": LINK},
                    {"style": "strike", "start": 0, "end": 1},
                ],
            },
            "sendMessage",
            {
                "text": "😀 bold link",
                "entities": [
                    {"type": "bold", "offset": 3, "length": 4},
                    {"type": "text_link", "offset": 8, "length": 4, "url": LINK},
                    {"type": "strikethrough", "offset": 0, "length": 2},
                ],
            },
        ),
        (
            {"image": {"url": LINK, "caption": "see", "formats": [{"style": "italic", "start": 0, "end": 3}]}},
            "sendPhoto",
            {"photo": LINK, "caption": "see", "caption_entities": [{"type": "italic", "offset": 0, "length": 3}]},
        ),
        ({"file": {"url": LINK, "name": "a.pdf"}}, "sendDocument", {"document": LINK}),
        ({"audio": {"url": LINK, "duration": 2.6}}, "sendAudio", {"audio": LINK, "duration": 3}),
        ({"audio": {"url": LINK, "voice": True, "caption": "c"}}, "sendVoice", {"voice": LINK, "caption": "c"}),
        ({"video": {"url": LINK, "caption": "see"}}, "sendVideo", {"video": LINK, "caption": "see"}),
        ({"location": {"latitude": 1.5, "longitude": 2}}, "sendLocation", {"latitude": 1.5, "longitude": 2.0}),
        (
            {"location": {"latitude": 1.5, "longitude": 2, "name": "N", "address": "A"}},
            "sendVenue",
            {"latitude": 1.5, "longitude": 2.0, "title": "N", "address": "A"},
        ),
        ({"contact": {"name": "Ada", "phone": "+1"}}, "sendContact", {"phone_number": "+1", "first_name": "Ada"}),
        (
            {
                "buttons": {
                    "text": "Which?",
                    "buttons": [{"title": "Red", "payload": "r"}, {"title": "Blue"}, {"title": "More", "url": LINK}],
                }
            },
            "sendMessage",
            {
                "text": "Which?",
                "reply_markup": {
                    "inline_keyboard": [
                        [
                            {"text": "Red", "callback_data": "r"},
                            {"text": "Blue", "callback_data": "Blue"},
                            {"text": "More", "url": LINK},
                        ]
                    ]
                },
            },
        ),
        (
            {"buttons": {"text": "Which?", "image": {"url": LINK}, "buttons": [{"title": "Red, the first of them"}]}},
            "sendPhoto",
            {
                "photo": LINK,
                "caption": "Which?",
                "reply_markup": {
                    "inline_keyboard": [[{"text": "Red, the first of them", "callback_data": "Red, the first of them"}]]
                },
            },
        ),
        (
            {"quick_replies": {"text": "Which?", "replies": [{"title": "Red", "payload": "r"}]}},
            "sendMessage",
            {
                "text": "Which?",
                "reply_markup": {"keyboard": [[{"text": "Red"}]], "one_time_keyboard": True, "resize_keyboard": True},
            },
        ),
        ({"native": {"telegram": {"sendDice": {"emoji": "🎲"}}}}, "sendDice", {"emoji": "🎲"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_is_sent(content: dict[str, Any], method: str, payload: dict[str, Any]) -> None:
    assert make().expand(content) == [content]
    result, requests = sent(content, 200, SENT)
    assert result is None
    assert requests == [(method, {"chat_id": 42, **payload})]


def test_a_long_text_becomes_several_messages() -> None:
    parts = make().expand({"text": "😀 " * 3000})
    assert [len(part["text"].encode("utf-16-le")) // 2 <= 4096 for part in parts] == [True] * 3


def test_a_button_that_gives_back_too_much_has_a_name_of_it() -> None:
    button = {"title": "Red", "payload": "ä" * 33}
    [part] = make().expand({"buttons": {"text": "Which?", "buttons": [button]}})
    [named] = part["buttons"]["buttons"]
    assert named["title"] == "Red"
    assert len(named["payload"].encode()) <= 64
    assert make().expand({"buttons": {"text": "Which?", "buttons": [button]}}) == [part], "in every worker the same"


RECORDED = json.loads((Path(__file__).parent / "payloads" / "telegram.json").read_text())


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["what"])
def test_what_others_recorded(recorded: dict[str, Any]) -> None:
    found = make().parse(Request(json.dumps(recorded["body"]).encode()))
    assert found == [
        Update(Dialog("telegram", one["user"]), one["key"], one["message"], one["sequence"])
        for one in recorded["updates"]
    ]


def test_typing_is_shown() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, b'{"ok":true,"result":true}')
        await with_channel(make(api_url=api.url), lambda channel: channel.typing(ALICE))
        assert [(path.rpartition("/")[2], json.loads(payload)) for _, path, payload in api.requests] == [
            ("sendChatAction", {"chat_id": 42, "action": "typing"})
        ]

    run(scenario)


@pytest.mark.parametrize(
    "content",
    [{"native": {"telegram": {"getMe": {}}}}, {"native": {"telegram": {}}}, {"native": {"telegram": {"sendA": 1}}}],
)
def test_a_native_reply_is_one_method_that_sends(content: dict[str, Any]) -> None:
    assert isinstance(sent(content, 200, SENT)[0], Undeliverable)


@pytest.mark.parametrize("content", [{}, {"poll": {}}, {"text": 1}, {"image": {}}, {"image": "a"}])
def test_what_telegram_has_no_method_for_is_undeliverable(content: dict[str, Any]) -> None:
    result, requests = sent(content, 200, SENT)
    assert isinstance(result, Undeliverable)
    assert not requests


def test_a_user_who_is_no_chat_is_undeliverable() -> None:
    result, requests = sent({"text": "a"}, 200, SENT, Dialog("telegram", "alice"))
    assert isinstance(result, Undeliverable)
    assert not requests


def test_too_many_messages_wait_as_long_as_telegram_says() -> None:
    result, _ = sent({"text": "a"}, 429, refusal(429, "Too Many Requests: retry after 14", retry_after=14))
    assert isinstance(result, RetryLater)
    assert (result.reason, result.retry_after) == ("Too Many Requests: retry after 14", 14.0)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", refusal(429, "Too Many"), b'{"ok":false,"parameters":{"retry_after":"x"}}']
)
def test_too_many_messages_without_a_time_wait_as_the_caller_likes(answer: bytes) -> None:
    result, _ = sent({"text": "a"}, 429, answer)
    assert isinstance(result, RetryLater)
    assert result.retry_after is None


@pytest.mark.parametrize("seconds", [0, -5, 0.001, -1e300])
def test_a_time_that_is_none_leaves_the_wait_to_the_caller(seconds: float) -> None:
    """It once became a hundred calls a second."""
    result, _ = sent({"text": "a"}, 429, refusal(429, "Too Many Requests", retry_after=seconds))
    assert isinstance(result, RetryLater)
    assert result.retry_after is None


@pytest.mark.parametrize(
    ("status", "description", "closed"),
    [
        (400, "Bad Request: message is too long", False),
        (400, "Bad Request: can't parse entities", False),
        (413, "Request Entity Too Large", False),
        (400, "Bad Request: chat not found", True),
        (403, "Forbidden: bot was blocked by the user", True),
        (403, "Forbidden: user is deactivated", True),
    ],
)
def test_what_telegram_refuses_is_undeliverable_with_its_own_text(status: int, description: str, closed: bool) -> None:
    result, _ = sent({"text": "a"}, status, refusal(status, description))
    assert isinstance(result, Undeliverable)
    assert isinstance(result, DialogClosed) == closed
    assert result.reason == description


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 408, 409, 413, 418, 425, 451])
@pytest.mark.parametrize("answer", [b"<html>Forbidden</html>", b"", b'{"error":"forbidden"}', b"null"])
def test_a_refusal_that_is_not_telegrams_loses_no_message(status: int, answer: bytes) -> None:
    """What a proxy on the way said was once taken for Telegram's last word."""
    result, _ = sent({"text": "a"}, status, answer)
    assert type(result) is RetryLater
    assert f"HTTP status {status}" in result.reason


@pytest.mark.parametrize("status", [408, 425])
def test_a_request_that_came_at_a_bad_time_comes_again(status: int) -> None:
    result, _ = sent({"text": "a"}, status, refusal(status, "Request Timeout"))
    assert type(result) is RetryLater


def test_a_group_that_moved_names_its_new_id() -> None:
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    result, _ = sent({"text": "a"}, 400, refusal(400, text, migrate_to_chat_id=-1001))
    assert isinstance(result, Moved)
    assert (result.reason, result.user) == (text, "-1001")


def test_a_reason_is_short_and_without_the_token() -> None:
    result, _ = sent({"text": "a"}, 400, refusal(400, f"{TOKEN} is bad " * 100))
    assert result.reason.startswith("*** is bad ")
    assert len(result.reason) == 200


def test_a_refusal_without_a_text_names_the_status() -> None:
    result, _ = sent({"text": "a"}, 413, b'{"ok":false}')
    assert isinstance(result, Undeliverable)
    assert result.reason == "HTTP status 413"


@pytest.mark.parametrize(("status", "text"), [(401, "Unauthorized"), (404, "Not Found")])
def test_a_wrong_token_loses_no_message(status: int, text: str) -> None:
    result, _ = sent({"text": "a"}, status, refusal(status, text))
    assert isinstance(result, Misconfigured)
    assert (result.reason, result.reach) == (f"Telegram does not know this token ({text}): check api_token", "channel")


def test_a_redirect_loses_no_message() -> None:
    result, _ = sent({"text": "a"}, 302, b"")
    assert isinstance(result, RetryLater)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"ok":false}'])
def test_a_success_that_cannot_be_read_tells_nothing(answer: bytes) -> None:
    result, _ = sent({"text": "a"}, 200, answer)
    assert isinstance(result, OutcomeUnknown)


@pytest.mark.parametrize("answer", [b'{"ok":true}', b'{"ok":true,"result":{}}', b'{"ok":true,"result":true}'])
def test_a_success_without_an_id_is_sent(answer: bytes) -> None:
    """It was once sent again, for an id that nobody keeps."""
    assert sent({"text": "a"}, 200, answer)[0] is None


# Registration


def test_a_webhook_is_registered_with_the_secret() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, b'{"ok":true,"result":true}')
        channel = make(api_url=api.url)
        channel.will_register()
        await with_channel(channel, lambda channel: channel.register("https://example.com/telegram"))
        [(_, path, payload)] = api.requests
        assert path.endswith("/setWebhook")
        assert json.loads(payload) == {
            "url": "https://example.com/telegram",
            "secret_token": channel.secrets[1],
            "allowed_updates": ["message", "callback_query"],
            "max_connections": 100,
        }
        native = make(api_url=api.url, native=["sticker", "poll_answer", "edited_message"])
        await with_channel(native, lambda channel: channel.register("https://example.com/telegram"))
        wanted = json.loads(api.requests[1][2])["allowed_updates"]
        assert wanted == ["message", "callback_query", "edited_message", "poll_answer"]

    run(scenario)


def test_a_webhook_that_telegram_does_not_take_says_why() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(400, refusal(400, "Bad Request: bad webhook: HTTPS url must be provided for webhook"))
        with pytest.raises(SendError, match="HTTPS url must be provided") as caught:
            await with_channel(make(api_url=api.url), lambda channel: channel.register("http://example.com"))
        assert TOKEN not in whole_text(caught.value)
        api.refuse()
        with pytest.raises(SendError, match="No connection"):
            await with_channel(make(api_url=api.url), lambda channel: channel.register("https://example.com"))

    run(scenario)


# Polling


class Platform:
    """Keeps updates until they are confirmed, as Telegram does."""

    def __init__(self, api: ApiStandIn) -> None:
        self.waiting: list[bytes] = []
        self.calls: list[tuple[str, Any]] = []
        self.offset = 0
        api.answer_by(self._answer)

    async def _answer(self, method: str, path: str, content: bytes) -> bytes:
        name, payload = path.rpartition("/")[2], json.loads(content)
        self.calls.append((name, payload))
        if name != "getUpdates":
            return b'{"ok":true,"result":true}'
        self.offset = payload["offset"]
        self.waiting = [raw for raw in self.waiting if msgspec.json.decode(raw).get("update_id", 0) >= self.offset]
        if not self.waiting:
            await asyncio.sleep(0.01)
        return b'{"ok":true,"result":[%b]}' % b",".join(self.waiting[:2])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(trouble, "LONGEST_WAIT", 0.02)
    monkeypatch.setattr(telegram_polling, "CONFLICT_OVER", 0.0)


class Collector:
    """Accepts updates, after it failed as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.keys: list[str] = []

    async def __call__(self, updates: Sequence[Update]) -> list[bool]:
        if updates and self.failures:
            self.failures -= 1
            raise StorageUnavailable("disk full")
        self.keys += [update.key for update in updates]
        return [True] * len(updates)


def polling(
    scenario: Callable[[ApiStandIn, Collector, "asyncio.Task[None]"], Coroutine[Any, Any, None]], failures: int = 0
) -> None:
    """Run a scenario while a channel polls; at the end the polling is cancelled, which must do."""

    async def with_api(api: ApiStandIn) -> None:
        collector = Collector(failures)

        async def poll(channel: TelegramChannel) -> None:
            task = asyncio.create_task(channel.poll(collector))
            try:
                await scenario(api, collector, task)
            finally:
                task.cancel()
                await asyncio.wait([task])
            assert task.cancelled()

        await with_channel(make(api_url=api.url, timeout=2.0), poll)

    run(with_api)


def test_polling_removes_the_webhook_and_fetches_in_order() -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        platform = Platform(api)
        platform.waiting = [body(n, text="a") for n in range(5, 10)]
        await eventually(lambda: len(collector.keys) == 5 and not platform.waiting)
        assert collector.keys == ["5", "6", "7", "8", "9"]
        assert platform.calls[:2] == [
            ("deleteWebhook", {}),
            ("getUpdates", {"offset": 0, "timeout": 25, "allowed_updates": ["message", "callback_query"]}),
        ]
        assert [call[1]["offset"] for call in platform.calls[2:5]] == [7, 9, 10]
        # Numbers begin anew somewhere after a quiet week.
        await eventually(lambda: platform.offset == 0)
        platform.waiting = [body(3, text="a")]
        await eventually(lambda: collector.keys[-1] == "3")

    polling(scenario)


@pytest.mark.usefixtures("quick")
def test_only_what_was_accepted_is_confirmed(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        platform = Platform(api)
        platform.waiting = [body(5, text="a")]
        await eventually(lambda: collector.failures == 0)
        assert platform.offset == 0
        await eventually(lambda: not platform.waiting)
        assert collector.keys == ["5"]

    with caplog.at_level(logging.INFO):
        polling(scenario, failures=3)
    lines = [record.getMessage() for record in caplog.records if record.name == trouble.__name__]
    assert lines == [
        "Polling Telegram does not work now and is tried again: disk full",
        "Polling Telegram works again",
    ]


@pytest.mark.usefixtures("quick")
def test_a_malformed_update_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        platform = Platform(api)
        platform.waiting = [b'{"update_id":5,"message":"?"}', body(6, text="a"), b'{"update_id":7,"message":1}']
        await eventually(lambda: not platform.waiting)
        assert collector.keys == ["6"]

    polling(scenario)
    skipped = "Skipped an update of Telegram: The JSON has a wrong shape: Expected `object | null`, got"
    assert [record.getMessage() for record in caplog.records] == [
        f"{skipped} `str` - at `$.message`",
        f"{skipped} `int` - at `$.message`",
    ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("status", "answer", "line"),
    [
        (409, refusal(409, "Conflict: terminated by other"), "another program takes this bot's updates"),
        (500, b"<html>", "HTTP status 500"),
        (429, refusal(429, "Too Many Requests", retry_after=0), "Too Many Requests"),
        (400, refusal(400, "Bad Request"), "Bad Request"),
        (200, b'{"ok":true,"result":{}}', "The JSON has a wrong shape"),
        (200, b'{"ok":true,"result":[{"message":1}]}', "no update that came has an update_id"),
        (200, b"{", "HTTP status 200"),
    ],
)
def test_polling_goes_on_after_trouble_and_says_it_once(
    status: int, answer: bytes, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        Platform(api)
        await eventually(lambda: len(api.requests) > 2)
        api.answer(status, answer)
        before = len(api.requests)
        await eventually(lambda: len(api.requests) > before + 4)
        platform = Platform(api)
        platform.waiting = [body(5, text="a")]
        await eventually(lambda: collector.keys == ["5"])

    polling(scenario)
    lines = [record.getMessage() for record in caplog.records if "Skipped" not in record.getMessage()]
    assert len(lines) == 2
    assert line in lines[0]
    assert lines[1] == "Polling Telegram works again"
    assert TOKEN not in caplog.text


@pytest.mark.usefixtures("quick")
def test_polling_goes_on_when_the_connection_comes_back() -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        api.answer_cut()
        await eventually(lambda: len(api.requests) > 3)
        Platform(api).waiting = [body(5, text="a")]
        await eventually(lambda: collector.keys == ["5"])

    polling(scenario)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("answer", [b"<html>", refusal(401, "Unauthorized")])
def test_a_token_that_was_good_is_tried_again(answer: bytes) -> None:
    """A gateway's 404 once ended a run that had polled for days."""

    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        Platform(api)
        await eventually(lambda: len(api.requests) > 2)
        for status in (401, 404):
            api.answer(status, answer)
            before = len(api.requests)
            await eventually(lambda before=before: len(api.requests) > before + 2)  # type: ignore[misc]
        Platform(api).waiting = [body(5, text="a")]
        await eventually(lambda: collector.keys == ["5"])
        assert not task.done()

    polling(scenario)


@pytest.mark.usefixtures("quick")
def test_a_page_of_somebody_on_the_way_says_nothing_of_the_token() -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        api.answer(404, b"<html>")
        await eventually(lambda: len(api.requests) > 2)
        Platform(api).waiting = [body(5, text="a")]
        await eventually(lambda: collector.keys == ["5"])

    polling(scenario)


@pytest.mark.parametrize("result", [b"[]", b'[{"update_id":5}]'])
def test_an_api_that_answers_at_once_with_nothing_new_is_not_asked_in_a_loop(
    result: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once was, a thousand times a second."""
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.Event().wait()

    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        real = asyncio.sleep
        api.answer(200, b'{"ok":true,"result":%b}' % result)
        monkeypatch.setattr(telegram_polling, "AT_ONCE", 10.0)
        monkeypatch.setattr(asyncio, "sleep", note)
        async with asyncio.timeout(60):
            while not pauses:
                await real(0.005)
        assert len(api.requests) <= 3
        assert pauses == [10.0]

    polling(scenario)


@pytest.mark.parametrize("status", [401, 404])
def test_polling_with_a_wrong_token_ends(status: int) -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(status, refusal(status, "Unauthorized"))
        with pytest.raises(StartError, match="Telegram does not know this token") as caught:
            await with_channel(make(api_url=api.url), lambda channel: channel.poll(Collector()))
        assert TOKEN not in whole_text(caught.value)

    run(scenario)


def test_a_stop_while_telegram_has_nothing_to_say_is_immediate() -> None:
    async def scenario(api: ApiStandIn, collector: Collector, task: "asyncio.Task[None]") -> None:
        api.never_answer()
        await eventually(lambda: api.requests)

    polling(scenario)


def test_a_draft_is_shown_in_a_private_chat_under_a_number_of_its_own() -> None:
    async def scenario(api: ApiStandIn) -> None:
        api.answer(200, b'{"ok":true,"result":true}')
        channel = make(api_url=api.url)
        await channel.start(Services(mailbox=MemoryMailbox()))
        try:
            for text in ("One", "One two"):
                assert await channel.draft(text, Dialog("telegram", "7"), "5.0.begun") is None
            await channel.draft("Other", Dialog("telegram", "7"), "5.1.begun")
            with pytest.raises(Undeliverable, match="private"):
                await channel.draft("One", Dialog("telegram", "-7"), "5.0.begun")
        finally:
            await channel.close()
        calls = [(path.rpartition("/")[2], json.loads(body)) for _, path, body in api.requests]
        assert [(method, body["chat_id"], body["text"]) for method, body in calls] == [
            ("sendMessageDraft", 7, "One"),
            ("sendMessageDraft", 7, "One two"),
            ("sendMessageDraft", 7, "Other"),
        ]
        numbers = [body["draft_id"] for _, body in calls]
        assert numbers[0] == numbers[1] != numbers[2]
        assert all(number > 0 for number in numbers)

    run(scenario)
