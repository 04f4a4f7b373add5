"""Slack's webhooks and calls, against a stand-in for its API."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.slack import SlackChannel
from maxbot.channels.slack.mrkdwn import mrkdwn
from maxbot.commands import Format
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    Misconfigured,
    OutcomeUnknown,
    RequestError,
    RetryLater,
    SendError,
    Unauthorized,
    Undeliverable,
)
from maxbot.testing.channels import ApiStandIn, ChannelContract, MemoryMailbox, Webhook
from maxbot.types import Address, Command, Dialog, Update
from tests.channels.support import serving, whole_text
from tests.channels.test_vk import LINK, PNG, expected, with_files
from tests.support.slack import SECRET, TOKEN, SlackStandIn, event, signed

ALICE = Dialog("slack", "D1")
NOW = 1700000000
SENT = b'{"ok":true,"channel":"D1","ts":"1700000000.000100"}'


def make(**options: Any) -> SlackChannel:
    usual = {"signing_secret": SECRET, "bot_token": TOKEN, "rate": 1e6, "workspace_rate": 1e6, "timeout": 5.0}
    return SlackChannel(**{**usual, "clock": lambda: NOW, **options})


def said(event_id: str = "Ev1", **message: Any) -> bytes:
    whole = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "ts": "1700000000.000100"}
    return event({**whole, **message}, event_id)


def press(**more: Any) -> bytes:
    action = {
        "type": "button",
        "action_id": "maxbot-button-0",
        "value": "red",
        "text": {"type": "plain_text", "text": "Red"},
        "action_ts": "1700000001.000200",
    }
    whole = {
        "type": "block_actions",
        "token": "old",
        "user": {"id": "U1"},
        "channel": {"id": "D1"},
        "message": {"ts": "1700000000.000100"},
        "trigger_id": "1.2.abc",
        "response_url": "https://hooks.slack.com/actions/secret",
        "actions": [{**action, **more.pop("action", {})}],
    }
    return urlencode({"payload": json.dumps({**whole, **more})}).encode()


IMAGE = {"id": "F1", "name": "p.png", "mimetype": "image/png", "size": 9, "original_w": 3, "original_h": 4}


class TestContract(ChannelContract):
    answer = (200, SENT)
    refusal = (200, b'{"ok":false,"error":"msg_too_long"}')

    def channel(self, api_url: str) -> Channel:
        return make(api_url=api_url, timeout=1.0)

    def webhooks(self) -> Sequence[Webhook]:
        bodies = (
            said(text="hello", ts="1700000000.000100"),
            said(text="hello", ts="1700000000.000200"),
            said(subtype="file_share", text="see", files=[IMAGE], ts="1700000000.000300"),
            said(text="in a thread", thread_ts="1700000000.000100", ts="1700000000.000400"),
            press(),
        )
        return [(signed(body, NOW), body) for body in bodies]

    def forged(self) -> Sequence[Webhook]:
        good = said(text="hello")
        headers = signed(good, NOW)
        changes: list[dict[str, str]] = [
            {"x-slack-signature": ""},
            {"x-slack-signature": headers["x-slack-signature"][3:]},
            {"x-slack-signature": headers["x-slack-signature"].replace("v0=", "v1=")},
            {"x-slack-signature": headers["x-slack-signature"][:-1] + "g"},
            {"x-slack-signature": "v0=ü\xff"},
            {"x-slack-request-timestamp": ""},
            {"x-slack-request-timestamp": "nan"},
            {"x-slack-request-timestamp": "١٧٠٠"},
            {"x-slack-request-timestamp": str(NOW + 1)},
            signed(good, NOW - 301),
            signed(good, NOW + 301),
            signed(good, "nan"),
            signed(good, NOW, "another secret"),
        ]
        return [({}, good), *(({**headers, **change}, good) for change in changes), (headers, good + b" ")]

    def dialog(self) -> Dialog:
        return ALICE


# Options


def test_options_are_those_of_the_constructor() -> None:
    options = msgspec.convert({"signing_secret": SECRET, "bot_token": TOKEN}, SlackChannel.Options)
    SlackChannel(**msgspec.structs.asdict(options))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"bot_token": ""}, "bot_token"),
        ({"bot_token": "wrong one"}, "bot_token"),
        ({"signing_secret": []}, "signing_secret"),
        ({"signing_secret": "wrong one"}, "signing_secret"),
        ({"api_url": "ftp://wrong"}, "api_url"),
        ({"timeout": 0}, "timeout"),
        ({"rate": 0}, "rate"),
        ({"workspace_rate": float("nan")}, "workspace_rate"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_and_not_repeated(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} ") as caught:
        make(**options)
    assert "wrong" not in repr(caught.value)


# Verification


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (
            b'{"type":"url_verification","challenge":"abc"}',
            "v0=8456afd4eb0397c1a574445dfeb815cad642be3302cb2dfe41ee859334a8bdc3",
        ),
        (
            b"payload=%7B%22type%22%3A%22block_actions%22%7D",
            "v0=8872a39e89a552f7fd5d1845925b56c915cbd54f5a650a1c2d249f25b831a337",
        ),
    ],
)
def test_signatures_are_those_of_slack(body: bytes, signature: str) -> None:
    headers = {"x-slack-request-timestamp": "1700000000", "x-slack-signature": signature}
    make(signing_secret="topsecret").verify(Request(body, headers))


@pytest.mark.parametrize("off", [-300, -299, 0, 300])
def test_within_five_minutes_a_webhook_is_new(off: int) -> None:
    body = said(text="a")
    make().verify(Request(body, signed(body, NOW + off)))


def test_two_secrets_are_right_while_one_replaces_the_other() -> None:
    body = said(text="a")
    for secrets in (["new", SECRET], [SECRET, "old"]):
        make(signing_secret=secrets).verify(Request(body, signed(body, NOW)))
    with pytest.raises(Unauthorized):
        make(signing_secret=["new", "newer"]).verify(Request(body, signed(body, NOW)))


def test_every_changed_bit_is_refused() -> None:
    body = said(text="hello")
    channel, headers = make(), signed(body, NOW)
    for place in range(len(body) * 8):
        changed = bytearray(body)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Unauthorized):
            channel.verify(Request(bytes(changed), headers))


def test_slack_is_answered_what_it_asks_of_a_new_url() -> None:
    body = b'{"token":"old","challenge":"3eZbrw1aB10FEMAGAZd4FyFQ","type":"url_verification"}'
    received = asyncio.run(make().receive(Request(body, signed(body, NOW))))
    assert not received.updates
    answer = received.answer_to([])
    assert (answer.body, answer.media_type) == (b"3eZbrw1aB10FEMAGAZd4FyFQ", "text/plain")
    with pytest.raises(Unauthorized):
        asyncio.run(make().receive(Request(body, {})))


def test_who_says_the_word_is_no_handshake() -> None:
    body = said(text='{"type":"url_verification","challenge":"x"}')
    received = asyncio.run(make().receive(Request(body, signed(body, NOW))))
    assert len(received.updates) == 1
    assert received.answer_to([True]).body == b""


def test_a_press_is_answered_with_nothing_as_a_text_would_replace_the_message() -> None:
    body = press()
    received = asyncio.run(make().receive(Request(body, signed(body, NOW))))
    assert received.answer_to([True]).body == b""


def test_it_is_said_when_slack_drops_events(caplog: pytest.LogCaptureFixture) -> None:
    body = (
        b'{"token":"old","type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820,"api_app_id":"A1"}'
    )
    assert not asyncio.run(make().receive(Request(body, signed(body, NOW)))).updates
    assert "Slack drops events" in caplog.text


# Updates


RECORDED = json.loads((Path(__file__).parent / "payloads" / "slack.json").read_text())


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["what"])
def test_what_others_recorded(recorded: dict[str, Any]) -> None:
    assert recorded["source"].startswith("https://github.com/")
    body = json.dumps(recorded["body"]).encode()
    if recorded["body"]["type"] == "block_actions":
        body = urlencode({"payload": body.decode()}).encode()
    assert make().parse(Request(body)) == expected(recorded, "slack")


def test_a_text() -> None:
    expected = [Update(ALICE, "D1:1700000000.000100", {"text": "Grüße"}, 1700000000000100, {})]
    assert make().parse(Request(said(text="Grüße"))) == expected


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("a &amp; b &lt;c&gt; &amp;lt;", "a & b <c> &lt;"),
        ("see <https://example.com/a|there> and <https://example.com/?a=1&amp;b=2>", None),
        ("write <mailto:ada@example.com|ada@example.com>", "write ada@example.com"),
        ("<@U2> and <#C1|general> and <!here>", "<@U2> and <#C1|general> and <!here>"),
        ("<@U0BOT> hi", "hi"),
        ("<@U0BOT|bot> hi <@U0BOT>", "hi <@U0BOT>"),
    ],
)
def test_a_text_is_as_the_user_wrote_it(sent: str, text: str | None) -> None:
    expected = text or "see https://example.com/a and https://example.com/?a=1&b=2"
    assert make().parse(Request(said(text=sent)))[0].message == {"text": expected}


def test_a_message_that_comes_as_two_events_is_one_update() -> None:
    """An app that gets all messages of a channel is told of its mentions as well."""
    both = [
        make().parse(Request(said(event_id, type=type_, channel="C1", text="<@U0BOT> hi")))
        for event_id, type_ in (("Ev1", "message"), ("Ev2", "app_mention"))
    ]
    assert both[0] == both[1]


def test_who_writes_in_a_thread_is_answered_there_and_elsewhere_not_any_more() -> None:
    [update] = make().parse(Request(said(text="a", thread_ts="1699999999.000001")))
    assert update.address == {"thread_ts": "1699999999.000001"}
    assert make().parse(Request(said(text="a")))[0].address == {}


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (IMAGE, {"image": {"file_id": "F1", "width": 3, "height": 4, "size": 9, "caption": "see"}}),
        (
            {"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": 9},
            {"file": {"file_id": "F1", "name": "a.pdf", "mime_type": "application/pdf", "size": 9, "caption": "see"}},
        ),
        (
            {"id": "F1", "mimetype": "audio/mp4", "subtype": "slack_audio", "duration_ms": 1500},
            {"audio": {"file_id": "F1", "mime_type": "audio/mp4", "duration": 1.5, "voice": True, "caption": "see"}},
        ),
        (
            {"id": "F1", "mimetype": "video/mp4"},
            {"video": {"file_id": "F1", "mime_type": "video/mp4", "caption": "see"}},
        ),
        ({"id": "F1"}, {"file": {"file_id": "F1", "caption": "see"}}),
    ],
)
def test_each_kind_of_file_comes_without_a_url(file: dict[str, Any], message: dict[str, Any]) -> None:
    secret = {"url_private_download": "https://files.slack.com/secret", "permalink_public": "https://slack/secret"}
    [update] = make().parse(Request(said(subtype="file_share", text="see", files=[{**file, **secret}])))
    assert update.message == message
    assert "secret" not in str(update)


def test_a_pressed_button() -> None:
    expected = Update(ALICE, "1.2.abc", {"button": {"payload": "red", "title": "Red"}}, 1700000001000200, {})
    assert make().parse(Request(press())) == [expected]
    assert "hooks.slack.com" not in str(expected)


def test_a_press_without_a_trigger_has_a_key_all_the_same() -> None:
    [update] = make().parse(Request(press(trigger_id=None)))
    assert update.key == "D1:1700000000.000100:maxbot-button-0:1700000001.000200"


def test_a_quick_reply_counts_as_the_users_words() -> None:
    [update] = make().parse(Request(press(action={"action_id": "maxbot-reply-1"})))
    assert update.message == {"button": {"payload": "red", "title": "Red"}, "text": "Red"}


def test_what_is_chosen_of_an_authors_own_menu() -> None:
    option = {"text": {"type": "plain_text", "text": "Blue"}, "value": "blue"}
    menu = {"action_id": "mine", "value": None, "text": None, "selected_option": option}
    [update] = make().parse(Request(press(action=menu)))
    assert update.message == {"button": {"payload": "blue", "title": "Blue"}}


def test_what_an_author_asks_for_comes_as_it_is() -> None:
    reaction = {
        "type": "reaction_added",
        "user": "U1",
        "reaction": "thumbsup",
        "item": {"type": "message", "channel": "D1"},
    }
    assert make(native=["reaction_added"]).parse(Request(event(reaction))) == [
        Update(ALICE, "Ev1", {"native": {"reaction_added": reaction}})
    ]
    joined = {"type": "message", "subtype": "channel_join", "channel": "C1", "user": "U1", "ts": "1700000000.000100"}
    [update] = make(native=["channel_join"]).parse(Request(event(joined)))
    assert update.message == {"native": {"channel_join": joined}}
    assert not make().parse(Request(event(reaction)))


@pytest.mark.parametrize(
    "content",
    [
        said(subtype="message_changed", message={"text": "a"}, hidden=True),
        said(subtype="message_deleted", deleted_ts="1700000000.000100"),
        said(subtype="channel_join", text="<@U1> has joined"),
        said(subtype="bot_message", text="a", bot_id="B1"),
        said(text="a", bot_id="B1"),
        said(text="a", user="U0BOT"),
        said(text=""),
        event({"type": "reaction_added", "user": "U1", "item": {"channel": "D1"}}),
        event({"type": "team_join", "user": {"id": "U1"}}),
        event({"type": "channel_created", "channel": {"id": "C1"}}),
        b'{"type":"some_new_thing"}',
        press(action={"action_id": "maxbot-link-0"}),
        press(type="view_submission"),
        press(channel=None),
        press(actions=[]),
        b"token=old&team_id=T1&command=%2Fweather&text=94070",
        b"ssl_check=1&token=old",
    ],
)
def test_what_the_bot_has_nothing_to_say_to_is_acknowledged(content: bytes) -> None:
    received = asyncio.run(make().receive(Request(content, signed(content, NOW))))
    assert (list(received.updates), received.answer_to([]).body) == ([], b"")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"secret",
        b"[]",
        b"{}",
        b"payload=secret",
        b"payload=%7B%22type%22%3A%22secret",
        b"payload=\xff",
        said(channel="secret\0", text="a"),
        said(channel="s" * 61, text="a"),
        said(channel=["secret"], text="a"),
        said(ts="secret", text="a"),
        said(text=["secret"]),
        said(files="secret"),
        event({"type": "message", "text": "secret"}),
    ],
)
def test_what_slack_does_not_send_is_refused_without_repeating_it(content: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        make().parse(Request(content))
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\udc00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["event_callback", "url_verification", "block_actions"]),
        "event": json_values
        | st.fixed_dictionaries(
            {
                "type": st.sampled_from(["message", "app_mention", "reaction_added"]),
                "channel": st.just("D1") | json_values,
            },
            optional={
                "text": st.text() | json_values,
                "ts": st.just("1700000000.1") | json_values,
                "files": json_values | st.lists(st.just(IMAGE)),
                "user": json_values,
                "item": json_values,
                "thread_ts": st.just("1.2") | json_values,
            },
        ),
    },
    optional={
        "event_id": st.text(max_size=5) | json_values,
        "challenge": json_values,
        "channel": st.just({"id": "D1"}) | json_values,
        "actions": st.lists(st.fixed_dictionaries({"action_id": st.text()}, optional={"value": json_values})),
    },
)


@settings(deadline=None)
@given(st.binary() | st.one_of(json_values, events).map(lambda value: json.dumps(value).encode()), st.booleans())
def test_any_input_is_storable_updates_or_is_refused(content: bytes, as_form: bool) -> None:
    channel = make(native=["reaction_added"])
    if as_form:
        content = urlencode({"payload": content}).encode()
    try:
        updates = asyncio.run(channel.receive(Request(content, signed(content, NOW)))).updates
    except RequestError:
        return
    for update in updates:
        assert 1 <= len(update.key) <= 200
        assert msgspec.json.decode(msgspec.json.encode(update.message).decode()) == update.message


def test_no_malformed_body_is_answered_5xx_although_it_is_signed() -> None:
    async def main() -> None:
        dice = random.Random(1)
        async with serving(make()) as url, aiohttp.ClientSession() as session:
            for number in range(300):
                good = press() if number % 2 else said(text="hello")
                changed = bytearray(good[: dice.randrange(len(good))] if dice.random() < 0.2 else good)
                for _ in range(dice.randrange(1, 4)):
                    if changed:
                        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
                headers = signed(bytes(changed), NOW)
                async with session.post(f"{url}/slack", data=bytes(changed), headers=headers) as response:
                    assert response.status < 500

    asyncio.run(main())


# Sending


async def started(slack: Any, use: Callable[[SlackChannel], Awaitable[Any]], **options: Any) -> Any:
    url = slack.url if isinstance(slack, ApiStandIn) else f"{slack.url}/api"
    channel = make(api_url=url, **options)
    await channel.start(Services(mailbox=MemoryMailbox()))
    try:
        return await use(channel)
    finally:
        await channel.close()


def run(scenario: Callable[[SlackStandIn], Awaitable[Any]], **faults: Any) -> Any:
    async def main() -> Any:
        async with SlackStandIn(**faults) as slack:
            return await asyncio.wait_for(scenario(slack), 60)

    return asyncio.run(main())


def seen(content: dict[str, Any], **command: Any) -> dict[str, Any]:
    """Send a content; return what the user sees, without the channel."""

    async def scenario(slack: SlackStandIn) -> dict[str, Any]:
        await started(slack, lambda channel: channel.send(Command(content, "cmd-1", **command), ALICE))
        [message] = slack.seen
        assert message.pop("channel") == "D1"
        return message

    result: dict[str, Any] = run(scenario)
    return result


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def button(action: str, title: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": title}, "action_id": action, **more}


@pytest.mark.parametrize(
    ("content", "payload"),
    [
        ({"text": "a *star* & <!here>"}, {"text": "a *star* &amp; &lt;!here&gt;", "mrkdwn": False}),
        (
            {"text": "so bold", "formats": [{"style": "bold", "start": 3, "end": 7}]},
            {"text": "so *bold*"},
        ),
        (
            {"image": {"url": LINK, "caption": "see & hear"}},
            {
                "text": "see &amp; hear",
                "blocks": [
                    {
                        "type": "image",
                        "image_url": LINK,
                        "alt_text": "see & hear",
                        "title": {"type": "plain_text", "text": "see & hear"},
                    }
                ],
            },
        ),
        ({"video": {"url": LINK, "caption": "see"}}, {"text": f"see\n{LINK}"}),
        (
            {
                "buttons": {
                    "text": "Which?",
                    "buttons": [{"title": "Red", "payload": "r"}, {"title": "Blue"}, {"title": "More", "url": LINK}],
                }
            },
            {
                "text": "Which?",
                "blocks": [
                    section("Which?"),
                    {
                        "type": "actions",
                        "elements": [
                            button("maxbot-button-0", "Red", value="r"),
                            button("maxbot-button-1", "Blue", value="Blue"),
                            button("maxbot-link-2", "More", url=LINK),
                        ],
                    },
                ],
            },
        ),
        (
            {"buttons": {"text": "Which?", "image": {"url": LINK}, "buttons": [{"title": "Red"}]}},
            {
                "text": "Which?",
                "blocks": [
                    {"type": "image", "image_url": LINK, "alt_text": "image"},
                    section("Which?"),
                    {"type": "actions", "elements": [button("maxbot-button-0", "Red", value="Red")]},
                ],
            },
        ),
        (
            {"quick_replies": {"text": "Which?", "replies": [{"title": "Red", "payload": "r"}]}},
            {
                "text": "Which?",
                "blocks": [
                    section("Which?"),
                    {"type": "actions", "elements": [button("maxbot-reply-0", "Red", value="r")]},
                ],
            },
        ),
        ({"native": {"slack": {"text": "a", "unfurl_links": False}}}, {"text": "a", "unfurl_links": False}),
    ],
)
def test_each_kind_is_sent(content: dict[str, Any], payload: dict[str, Any]) -> None:
    assert make().expand(content) == [content]
    assert seen(content) == payload


def test_the_answer_goes_into_the_thread() -> None:
    assert seen({"text": "a"}, address={"thread_ts": "1.2"}) == {"text": "a", "mrkdwn": False, "thread_ts": "1.2"}


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ([("bold", 0, 1), ("italic", 2, 3)], "*a* _&amp;_ b"),
        ([("bold", 0, 5), ("italic", 2, 3)], "*a _&amp;_ b*"),
        ([("italic", 0, 3), ("bold", 0, 5)], "*_a &amp;_ b*"),
        ([("code", 0, 5), ("bold", 0, 1)], "`a &amp; b`"),
        ([("pre", 0, 5)], "```a &amp; b```"),
        ([("underline", 0, 5), ("strike", 4, 5)], "a &amp; ~b~"),
        ([("link", 0, 1)], "<https://example.com/a|a> &amp; b"),
    ],
)
def test_formats_are_marks(formats: list[tuple[Any, int, int]], expected: str) -> None:
    made = [
        Format(style=style, start=start, end=end, **({"url": LINK} if style == "link" else {}))
        for style, start, end in formats
    ]
    assert mrkdwn("a & b", made) == expected


@pytest.mark.parametrize("count", [25, 26])
def test_more_buttons_than_slack_takes_become_a_list(count: int) -> None:
    buttons = [{"title": f"{number} " + "x" * 100, "payload": "y" * 2000} for number in range(count)]
    [content] = make().expand({"buttons": {"text": "Which?", "buttons": buttons}})
    sent = seen(content)
    if count == 25:
        assert len(sent["blocks"][1]["elements"]) == 25
    else:
        assert sent["text"].count("\n") == 26


@pytest.mark.parametrize("char", ["&", "<", "😀", "word "])
def test_a_long_text_becomes_several_messages_that_slack_takes(char: str) -> None:
    for part in make().expand({"text": f"{char * 40}\n" * 150}):
        assert len(seen(part)["text"]) <= 4000
    buttons = [{"title": "Red"}]
    parts = make().expand({"buttons": {"text": f"{char * 40}\n" * 30, "buttons": buttons}})
    assert len(parts) >= 1
    for part in parts:
        seen(part)


def test_a_location_and_a_contact_are_texts() -> None:
    [place] = make().expand({"location": {"latitude": 48.1, "longitude": 17.1, "name": "Castle"}})
    assert seen(place)["text"].startswith("Castle\nhttps://www.openstreetmap.org/")
    assert make().expand({"contact": {"name": "Ada", "phone": "+421"}}) == [{"text": "Ada: +421"}]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"poll": {}},
        {"text": 1},
        {"image": {}},
        {"native": {"slack": {"channel": "C1"}}},
        {"native": {"vk": {"a": 1}}},
    ],
)
def test_what_slack_cannot_be_sent_is_undeliverable(content: dict[str, Any]) -> None:
    async def scenario(slack: SlackStandIn) -> None:
        with pytest.raises(Undeliverable):
            await started(slack, lambda channel: channel.send(Command(content), ALICE))
        assert not slack.calls

    run(scenario)


@pytest.mark.parametrize("buttons", [False, True])
def test_an_image_that_slack_cannot_fetch_is_sent_as_a_link(buttons: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(slack: SlackStandIn) -> None:
        slack.unreachable_images.add(LINK)
        image = {"image": {"url": LINK, "caption": "see"}}
        offer = {"buttons": {"text": "Which?", "image": {"url": LINK}, "buttons": [{"title": "Red"}]}}
        await started(slack, lambda channel: channel.send(Command(offer if buttons else image), ALICE))
        [message] = slack.seen
        if buttons:
            assert [block["type"] for block in message["blocks"]] == ["section", "actions"]
            assert LINK in message["blocks"][0]["text"]["text"]
        else:
            assert message == {"channel": "D1", "text": f"see\n{LINK}"}

    run(scenario)
    assert "sent to Slack as a link" in caplog.text


def test_a_file_is_uploaded_and_the_token_goes_to_slack_alone() -> None:
    async def scenario(slack: SlackStandIn) -> None:
        async def use(url: str) -> None:
            content = {"file": {"url": f"{url}/a.png", "name": "b.png", "caption": "see & hear"}}
            command = Command(content, "cmd-1", address={"thread_ts": "1.2"})
            await started(slack, lambda channel: channel.send(command, ALICE), private_hosts=["127.0.0.1"])

        await with_files(use)
        assert slack.seen == [
            {
                "channel_id": "D1",
                "files": [{"id": "F1", "title": "b.png"}],
                "initial_comment": "see &amp; hear",
                "thread_ts": "1.2",
            }
        ]
        assert slack.files["F1"] == PNG

    run(scenario)


@pytest.mark.parametrize(("scope", "hosts"), [(False, ["127.0.0.1"]), (True, [])])
def test_what_cannot_be_uploaded_is_sent_as_a_link(
    scope: bool, hosts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(slack: SlackStandIn) -> None:
        if not scope:
            slack.scopes.discard("files:write")

        async def use(url: str) -> None:
            command = Command({"audio": {"url": f"{url}/a.png", "caption": "hear"}})
            await started(slack, lambda channel: channel.send(command, ALICE), private_hosts=hosts)
            assert slack.seen == [{"channel": "D1", "text": f"hear\n{url}/a.png"}]

        await with_files(use)

    run(scenario)
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert ("files:write" if not scope else "not public") in record.getMessage()


# Errors


@pytest.mark.parametrize(
    ("error", "kind", "fields"),
    [
        ("ratelimited", RetryLater, {"retry_after": 7.0, "reach": "dialog"}),
        ("service_unavailable", RetryLater, {"retry_after": None}),
        ("internal_error", OutcomeUnknown, {}),
        ("fatal_error", OutcomeUnknown, {}),
        ("invalid_auth", Misconfigured, {"reach": "channel"}),
        ("missing_scope", Misconfigured, {"reach": "channel"}),
        ("channel_not_found", DialogClosed, {}),
        ("is_archived", DialogClosed, {}),
        ("msg_too_long", Undeliverable, {}),
        ("restricted_action_read_only_channel", Undeliverable, {}),
        ("something_new", Undeliverable, {}),
    ],
)
def test_each_error_means_what_the_table_says(error: str, kind: type[SendError], fields: dict[str, Any]) -> None:
    async def main() -> None:
        async with ApiStandIn() as api:
            metadata = {"messages": [f"[ERROR] {TOKEN} {'long ' * 100}"]}
            answer = {"ok": False, "error": error, "needed": "chat:write", "response_metadata": metadata}
            api.answer(200, json.dumps(answer).encode(), {"Retry-After": "7"})
            with pytest.raises(SendError) as caught:
                await started(api, lambda channel: channel.send(Command({"text": "a"}), ALICE))
            assert type(caught.value) is kind
            assert {name: getattr(caught.value, name) for name in fields} == fields
            assert error in str(caught.value)
            assert TOKEN not in whole_text(caught.value)
            assert len(caught.value.reason) < 300

    asyncio.run(main())


@pytest.mark.parametrize(("header", "wait"), [("30", 30.0), ("0", 1.0), ("nan", 1.0), ("-5", 1.0), ("", 1.0)])
def test_a_limit_waits_as_long_as_slack_says(header: str, wait: float) -> None:
    async def main() -> None:
        async with ApiStandIn() as api:
            api.answer(429, b"", {"Retry-After": header})
            with pytest.raises(RetryLater) as caught:
                await started(api, lambda channel: channel.send(Command({"text": "a"}), ALICE))
            assert (caught.value.retry_after, caught.value.reach) == (wait, "dialog")

    asyncio.run(main())


def test_faults_of_slack_are_told_apart() -> None:
    async def scenario(slack: SlackStandIn) -> None:
        results: dict[str, int] = {}

        async def send_many(channel: SlackChannel) -> None:
            for number in range(200):
                try:
                    await channel.send(Command({"text": str(number)}), Dialog("slack", f"D{number}"))
                except SendError as error:
                    results[type(error).__name__] = results.get(type(error).__name__, 0) + 1

        await started(slack, send_many)
        outcomes = {name: slack.outcomes.count(name) for name in ("429", "500", "lost", "500_after")}
        assert min(outcomes.values()) > 0
        assert results["RetryLater"] == outcomes["429"]
        assert results["OutcomeUnknown"] == outcomes["500"] + outcomes["lost"] + outcomes["500_after"]

    run(scenario, p_429=0.1, p_5xx=0.1, p_lost=0.1, p_500_after=0.1, seed=2)


def test_messages_keep_below_the_limit_of_a_channel() -> None:
    async def scenario(slack: SlackStandIn) -> None:
        async def send_many(channel: SlackChannel) -> None:
            for number in range(5):
                await channel.send(Command({"text": str(number)}), ALICE)
            with pytest.raises(RetryLater, match="no more messages") as caught:
                await channel.send(Command({"text": "5"}), ALICE)
            assert caught.value.reach == "dialog"
            await channel.send(Command({"text": "to somebody else"}), Dialog("slack", "D2"))

        await started(slack, send_many, rate=0.1)

    run(scenario)


def test_an_operator_is_told_what_to_enter_where(caplog: pytest.LogCaptureFixture) -> None:
    channel = make()
    channel.name = "support"
    greeting = channel.greeting("http://localhost", registers=False)
    assert greeting is not None
    assert "https://YOUR-HOST/support" in greeting
    assert channel.greeting("http://localhost", registers=True) is None
    with caplog.at_level(logging.INFO):
        asyncio.run(channel.register("https://example.com/support"))
    assert "enter https://example.com/support as Request URL" in caplog.text


@pytest.mark.parametrize("thread", [None, {"thread_ts": "1.2"}])
def test_a_reply_that_may_have_been_begun_is_found(thread: Address | None) -> None:
    async def scenario(slack: SlackStandIn) -> None:
        async def grow(channel: SlackChannel) -> None:
            await channel.draft("another one", ALICE, "a.6.0.begun", None, thread)
            begun = await channel.draft("begun", ALICE, "a.7.0.begun", None, thread)
            slack.limited = 1
            with pytest.raises(RetryLater):
                await channel.draft("begun and", ALICE, "a.7.0.begun", {}, thread)
            assert await channel.draft("begun and", ALICE, "a.7.0.begun", {}, thread) == begun
            for _ in range(2):
                await channel.send(Command({"text": "begun and done"}, "a.7.0", address=thread, begun={}), ALICE)
            await channel.send(Command({"text": "not begun"}, "a.8.0", address=thread, begun={}), ALICE)
            assert [one["text"] for one in slack.seen] == ["another one", "begun and done", "not begun"]

        await started(slack, grow)

    run(scenario)


def test_an_app_that_may_not_look_begins_it_anew_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(slack: SlackStandIn) -> None:
        slack.scopes.remove("im:history")

        async def grow(channel: SlackChannel) -> None:
            for number in range(2):
                await channel.draft("begun", ALICE, f"{number}.0.begun")
                await channel.send(Command({"text": "done"}, f"{number}.0", begun={}), ALICE)
            assert [one["text"] for one in slack.seen] == ["begun", "done"] * 2

        await started(slack, grow)

    run(scenario)
    assert caplog.text.count("give the app the scope im:history") == 1


def test_a_reply_grows_in_one_message_of_its_thread() -> None:
    async def scenario(slack: SlackStandIn) -> None:
        async def grow(channel: SlackChannel) -> None:
            thread = {"thread_ts": "1.2"}
            begun = await channel.draft("a & b", ALICE, "7.0.begun", None, thread)
            assert begun == {"ts": "1700000000.000001"}
            await channel.draft("a & b & c", ALICE, "7.0.begun", begun, thread)
            assert [(one["text"], one["thread_ts"]) for one in slack.seen] == [("a &amp; b &amp; c", "1.2")]
            done = Command({"text": "all of it"}, "7.0", address=thread, begun=begun)
            await channel.send(done, ALICE)
            await channel.send(done, ALICE)
            assert [one["text"] for one in slack.seen] == ["all of it"]
            slack.gone.add(begun["ts"])
            await channel.send(done, ALICE)
            assert [one["text"] for one in slack.seen] == ["all of it", "all of it"]

        await started(slack, grow)

    run(scenario)
