"""Messenger: what is its own."""

import asyncio
from typing import Any

import msgspec
import pytest

from maxbot.channels.base import Request
from maxbot.channels.facebook.failures import judge
from maxbot.channels.meta import GraphError, update_key
from maxbot.errors import (
    DialogClosed,
    Misconfigured,
    OutcomeUnknown,
    RetryLater,
    SendError,
    Unauthorized,
    Undeliverable,
)
from maxbot.types import Command, Dialog
from tests.channels.test_platforms import make_facebook, run_with, say
from tests.support.facebook import SECRET, delivery, refused, said, signed
from tests.support.platforms import PlatformStandIn

MESSAGE = b'{"sender":{"id":"2"},"message":{"mid":"m_1","text":"\\u00fc"}}'
BODY = b'{"object":"page","entry":[{"id":"1","messaging":[%b]}]}' % MESSAGE


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    channel = make_facebook(app_secret="topsecret")
    good = "ef898a5154f83e7f2f6e09df23bb54a9fe71fdce2ef278b1d383b4cc31408bdc"
    channel.verify(Request(BODY, {"x-hub-signature-256": f"sha256={good}"}))
    with pytest.raises(Unauthorized):
        channel.verify(Request(BODY.replace(b"\\u00fc", "ü".encode()), {"x-hub-signature-256": f"sha256={good}"}))


def test_the_old_signature_alone_proves_nothing() -> None:
    headers = {"x-hub-signature": "sha1=" + "0" * 40}
    with pytest.raises(Unauthorized):
        make_facebook().verify(Request(BODY, headers))


def test_the_dialog_is_the_senders() -> None:
    body = delivery(said("m_1", user="7", text="a"), said("m_2", user="8", text="b"))
    assert [update.dialog.user for update in make_facebook().parse(Request(body))] == ["7", "8"]


def test_all_of_a_batch_is_read_in_order_of_its_times_and_each_message_once() -> None:
    first, second = said("m_1", timestamp=2000_000_000_000, text="b"), said("m_2", timestamp=1_000_000_000, text="a")
    entries = [{"id": "1", "messaging": [first, second]}, {"id": "1", "messaging": [first, said("m_3", text="c")]}]
    body = msgspec.json.encode({"object": "page", "entry": entries})
    assert [update.message["text"] for update in make_facebook().parse(Request(body))] == ["a", "c", "b"]


def test_one_event_that_nobody_understands_keeps_no_other_back() -> None:
    body = delivery(said("m_1", text="a"), {"sender": 1}, said("m_2", text={"new": "kind"}), said("m_3", text="b"))
    assert [update.key for update in make_facebook().parse(Request(body))] == ["m_1", "m_3"]


def test_other_pages_are_left_out() -> None:
    body = delivery(said("m_1", page="1", text="a"), said("m_2", page="5", text="b"))
    assert [update.key for update in make_facebook(page_id="5").parse(Request(body))] == ["m_2"]


def test_a_press_without_an_id_has_a_key_of_its_own() -> None:
    def press(payload: str) -> bytes:
        event = {"sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 5, "postback": {"payload": payload}}
        return delivery(event)

    keys = [update.key for payload in "aab" for update in make_facebook().parse(Request(press(payload)))]
    assert keys[0] == keys[1] != keys[2]


def test_long_ids_are_keys_too() -> None:
    assert update_key("m" * 200) == "m" * 200
    assert len(update_key("m" * 201)) == 64
    assert update_key("m" * 201) != update_key("n" * 201)


@pytest.mark.parametrize(
    ("code", "subcode", "error", "reach"),
    [
        (4, None, RetryLater, "channel"),
        (613, None, RetryLater, "channel"),
        (4, 2018022, RetryLater, "dialog"),
        (2, None, OutcomeUnknown, ""),
        (1200, None, OutcomeUnknown, ""),
        (10, 2018278, DialogClosed, ""),
        (100, 2534022, DialogClosed, ""),
        (551, None, DialogClosed, ""),
        (200, 1545041, DialogClosed, ""),
        (100, 2018001, DialogClosed, ""),
        (100, 2018047, Undeliverable, ""),
        (190, 463, Misconfigured, "channel"),
        (10, None, Misconfigured, "channel"),
        (230, None, Misconfigured, "channel"),
        (368, None, Misconfigured, "channel"),
        (99999, None, Undeliverable, ""),
    ],
)
def test_errors_by_their_codes(code: int, subcode: int | None, error: type[SendError], reach: str) -> None:
    found = judge(GraphError(code=code, error_subcode=subcode), "why")
    assert type(found) is error
    assert getattr(found, "reach", "") == reach


def test_what_passes_by_itself_is_tried_again() -> None:
    assert type(judge(GraphError(code=100, is_transient=True), "")) is RetryLater


def test_a_429_of_metas_own_rests_the_whole_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        def check(call: object) -> None:
            raise refused(100, "too many", status=429)

        monkeypatch.setattr(platform, "check", check)
        with pytest.raises(RetryLater) as caught:
            await say(channel, {"text": "hello"})
        assert (caught.value.reach, caught.value.retry_after) == ("channel", 60.0)

    run_with("facebook", scenario)


def test_words_come_before_what_has_none_and_buttons_are_a_template() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        await say(channel, {"image": {"url": "https://example.com/a.png", "caption": "see"}})
        await say(channel, {"buttons": {"text": "a", "buttons": [{"title": "Red", "payload": "r"}]}})
        await say(channel, {"buttons": {"text": "a", "buttons": [{"title": str(n)} for n in range(4)]}})
        words, image, template, replies = (one["message"] for one in platform.sent())
        assert words == {"text": "see"}
        assert image["attachment"]["type"] == "image"
        assert template["attachment"]["payload"]["buttons"] == [{"type": "postback", "title": "Red", "payload": "r"}]
        assert replies["quick_replies"][3] == {"content_type": "text", "title": "3", "payload": "3"}
        assert {one["messaging_type"] for one in platform.sent()} == {"RESPONSE"}

    run_with("facebook", scenario)


def test_typing_and_registration_are_calls() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        await channel.typing(Dialog("facebook", "2"))
        await channel.register("https://example.com/facebook")
        typing, registration = platform.calls
        assert typing.content == {"recipient": {"id": "2"}, "sender_action": "typing_on"}
        assert registration.content == {"subscribed_fields": "messages,messaging_postbacks"}
        assert {call.outcome for call in platform.calls} == {"ok"}

    run_with("facebook", scenario)


def test_a_registration_that_fails_says_why_without_the_token() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        with pytest.raises(SendError, match="190") as caught:
            await channel.register("https://example.com/facebook")
        assert "another-token" not in str(caught.value)

    run_with("facebook", scenario, access_token="another-token")


def test_the_operator_is_told_what_to_enter_where() -> None:
    for registers in (True, False):
        greeting = make_facebook().greeting("http://127.0.0.1:8000", registers=registers)
        assert greeting is not None
        assert "/facebook" in greeting
        assert "your verify_token" in greeting
        assert SECRET not in greeting
    assert "add one" in (make_facebook(verify_token=None).greeting("", registers=False) or "")


def test_a_native_reply_is_a_message() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        await say(channel, {"native": {"facebook": {"text": "hi", "metadata": "m"}}})
        assert platform.sent()[0]["message"] == {"text": "hi", "metadata": "m"}
        natives: list[dict[str, Any]] = [
            {},
            {"text": "a", "poster": "b"},
            {"tag": "HUMAN_AGENT"},
            {"text": "a", "messaging_type": "MESSAGE_TAG"},
            {"text": "a", "messaging_type": "UPDATE", "tag": "HUMAN_AGENT"},
            {"text": "a", "tag": ["HUMAN_AGENT"]},
        ]
        contents: list[dict[str, Any]] = [{"poster": {"a": 1}}, {"image": {"wrong": 1}}]
        for wrong in [*contents, *({"native": {"facebook": one}} for one in natives)]:
            with pytest.raises(Undeliverable):
                await channel.send(Command(wrong), Dialog("facebook", "2"))

    run_with("facebook", scenario)


def test_a_webhook_is_signed_and_received() -> None:
    body = delivery(said("m_1", text="hi"))
    received = asyncio.run(make_facebook().receive(Request(body, signed(body))))
    assert [update.message for update in received.updates] == [{"text": "hi"}]
    assert received.answer_to([True]).body == b""


def test_the_pages_limit_is_kept_before_meta_has_to_say_so() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        errors = await asyncio.gather(*(say(channel, {"text": "a"}) for _ in range(20)), return_exceptions=True)
        later = [error for error in errors if isinstance(error, RetryLater)]
        assert len(later) + len(platform.sent()) == 20
        assert len(platform.sent()) <= 5 + 5 + 1

    run_with("facebook", scenario, rate=5.0)


@pytest.mark.parametrize(
    ("event", "opens"),
    [
        ({"reaction": {"reaction": "love", "action": "react", "mid": "m_0"}}, True),
        ({"reaction": {"action": "unreact", "mid": "m_0"}}, False),
        ({"referral": {"ref": "a", "source": "SHORTLINK", "type": "OPEN_THREAD"}}, True),
        ({"optin": {"ref": "a"}}, True),
        ({"optin": {"type": "notification_messages", "notification_messages_token": "t"}}, False),
        ({"message_edit": {"mid": "m_0", "text": "a"}}, False),
        ({"delivery": {"watermark": 1}}, False),
        ({"read": {"watermark": 1}}, False),
    ],
)
def test_native_events_open_the_window_where_the_user_acted(event: dict[str, Any], opens: bool) -> None:
    channel = make_facebook(native=["reaction", "referral", "optin", "message_edit", "delivery", "read"])
    happened = {"sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 1700000000000, **event}
    (update,) = channel.parse(Request(delivery(happened)))
    assert update.address == ({"said_at": 1700000000000} if opens else None)
