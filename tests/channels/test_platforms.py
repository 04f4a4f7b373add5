"""What holds for every platform that signs its webhooks: nothing forged comes in, nothing malformed fails, and whatever
a bot says is what the platform takes."""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.facebook import FacebookChannel
from maxbot.channels.registry import TYPES, channel_class
from maxbot.channels.viber import ViberChannel
from maxbot.channels.whatsapp import WhatsAppChannel
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    OutcomeUnknown,
    RetryLater,
    Unauthorized,
    Undeliverable,
)
from maxbot.logs.redact import TOKENS, Redactor
from maxbot.testing.channels import EXAMPLES, ChannelContract, MemoryMailbox, Webhook
from maxbot.types import Command, Dialog, Update
from tests.channels.support import MemoryInbox, serving
from tests.support import facebook, viber, whatsapp
from tests.support.facebook import FacebookStandIn
from tests.support.platforms import PlatformStandIn
from tests.support.viber import ViberStandIn
from tests.support.whatsapp import WhatsAppStandIn

PAYLOADS = Path(__file__).with_name("payloads")
META = {"app_secret": facebook.SECRET, "access_token": facebook.TOKEN, "verify_token": "not-a-real-verify-token"}


def make_facebook(**options: Any) -> Channel:
    return FacebookChannel(**{**META, **options})


def make_whatsapp(**options: Any) -> Channel:
    return WhatsAppChannel(**{**META, "phone_number_id": whatsapp.NUMBER, **options})


def make_viber(**options: Any) -> Channel:
    return ViberChannel(**{"api_token": viber.TOKEN, "name": "Bot", "avatar": "https://example.com/a.png", **options})


class Platform(msgspec.Struct, frozen=True):
    make: Callable[..., Channel]
    stand_in: Callable[..., PlatformStandIn]
    sign: Callable[..., dict[str, str]]
    secret: str
    text: Callable[[int, str], bytes]
    """A webhook: a user says something, with this number."""
    user: str


PLATFORMS: Mapping[str, Platform] = {
    "facebook": Platform(
        make_facebook,
        FacebookStandIn,
        facebook.signed,
        "app_secret",
        lambda number, text: facebook.delivery(facebook.said(f"m_{number}", text=text)),
        "2",
    ),
    "whatsapp": Platform(
        make_whatsapp,
        WhatsAppStandIn,
        facebook.signed,
        "app_secret",
        lambda number, text: whatsapp.delivery(whatsapp.value(whatsapp.said(f"wamid.{number}", text={"body": text}))),
        "49170",
    ),
    "viber": Platform(
        make_viber,
        ViberStandIn,
        viber.signed,
        "api_token",
        lambda number, text: viber.said(number, text=text),
        "01234567890A=",
    ),
}

UNLIMITED: Mapping[str, Any] = {"whatsapp": {"rate": 1000.0, "user_burst": 1000}, "facebook": {"rate": 1000.0}}
"""Options for tests that say more to one user than any bot."""

every_platform = pytest.mark.parametrize("name", PLATFORMS)


class Contract(ChannelContract):
    name: str

    def channel(self, api_url: str) -> Channel:
        return PLATFORMS[self.name].make(api_url=api_url, timeout=1.0, **UNLIMITED.get(self.name, {}))

    def webhooks(self) -> list[Webhook]:
        platform = PLATFORMS[self.name]
        recorded = [json.dumps(one["body"]).encode() for one in payloads(self.name) if one["updates"]]
        # One of each kind, as all of them have the same few keys; and two that differ in theirs only.
        bodies = [platform.text(1, "hello"), platform.text(2, "hello"), recorded[-1]]
        return [(platform.sign(body), body) for body in bodies]

    def forged(self) -> list[Webhook]:
        platform = PLATFORMS[self.name]
        good = platform.text(1, "hello")
        header, signature = next(iter(platform.sign(good).items()))
        others = ("", "sha256=", "sha1=0", signature[:-1], signature.upper(), f"{signature}\xff", "\u1234")
        return [({}, good), (platform.sign(good + b" "), good), *(({header: other}, good) for other in others)]

    def dialog(self) -> Dialog:
        return Dialog(self.name, PLATFORMS[self.name].user)


class TestFacebook(Contract):
    name = "facebook"
    answer = (200, b'{"recipient_id":"2","message_id":"m_1"}')
    refusal = (400, b'{"error":{"message":"no","type":"OAuthException","code":100}}')


class TestWhatsApp(Contract):
    name = "whatsapp"
    answer = (200, b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}')
    refusal = (400, b'{"error":{"message":"no","type":"OAuthException","code":131009}}')


class TestViber(Contract):
    name = "viber"
    answer = (200, b'{"status":0,"status_message":"ok","message_token":5741311803571721087}')
    refusal = (200, b'{"status":3,"status_message":"badData"}')


# What comes in


def payloads(name: str) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return recorded


@pytest.mark.parametrize(
    ("name", "recorded"),
    [pytest.param(name, one, id=f"{name}: {one['what']}") for name in PLATFORMS for one in payloads(name)],
)
def test_what_platforms_are_known_to_send(name: str, recorded: dict[str, Any]) -> None:
    assert recorded["source"].startswith("https://")
    channel = PLATFORMS[name].make()
    found = channel.parse(Request(json.dumps(recorded["body"]).encode()))
    assert found == [
        Update(Dialog(name, one["user"]), one["key"], one["message"], one["sequence"], one.get("address"))
        for one in recorded["updates"]
    ]


NATIVE = {
    "facebook": ["reaction", "read"],
    "whatsapp": ["sticker", "nfm_reply", "system"],
    "viber": ["sticker", "unsubscribed", "subscribed"],
}


@every_platform
def test_a_bot_gets_what_it_asks_for_as_it_is_and_nothing_else(name: str) -> None:
    channel = PLATFORMS[name].make(native=NATIVE[name])
    kinds = []
    for recorded in payloads(name):
        body = json.dumps(recorded["body"]).encode()
        first, second = channel.parse(Request(body)), channel.parse(Request(body))
        assert [update.key for update in first] == [update.key for update in second]
        added = [update for update in first if "native" in update.message]
        assert len(first) == len(recorded["updates"]) + len(added)
        kinds += [kind for update in added for kind in update.message["native"]]
    assert sorted(kinds) == sorted(NATIVE[name])
    with pytest.raises(ValueError, match="native"):
        PLATFORMS[name].make(native=["poster"])


@every_platform
def test_no_bit_of_a_signed_body_can_be_changed(name: str) -> None:
    platform = PLATFORMS[name]
    channel = platform.make()
    body = platform.text(1, "what is worth 100 euros?")
    headers = platform.sign(body)
    channel.verify(Request(body, headers))
    accepted = 0
    for bit in range(len(body) * 8):
        forged = bytearray(body)
        forged[bit // 8] ^= 1 << bit % 8
        try:
            channel.verify(Request(bytes(forged), headers))
        except Unauthorized:
            continue
        accepted += 1
    assert accepted == 0, f"{accepted} of {len(body) * 8} forged bodies were accepted"


@every_platform
def test_of_two_secrets_each_is_good_while_one_replaces_the_other(name: str) -> None:
    platform = PLATFORMS[name]
    body = platform.text(1, "hello")
    channel = platform.make(**{platform.secret: ["new-secret", "old-secret"]})
    for secret in ("new-secret", "old-secret"):
        channel.verify(Request(body, platform.sign(body, secret)))
    with pytest.raises(Unauthorized):
        channel.verify(Request(body, platform.sign(body, "older-secret")))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@every_platform
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_value_of_any_other_kind_is_no_failure(name: str, data: st.DataObject) -> None:
    recorded = data.draw(st.sampled_from(payloads(name)))["body"]
    places = list(_places(recorded))
    body = json.loads(json.dumps(recorded))
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        _put(body, place, data.draw(json_values))
    try:
        channel = PLATFORMS[name].make(native=NATIVE[name])
        updates = channel.parse(Request(json.dumps(body).encode("utf-8", "surrogatepass")))
    except BadRequest:
        return
    for update in updates:
        assert msgspec.json.decode(msgspec.json.encode(update.message)) == update.message
        assert 1 <= len(update.key) <= 200
        assert update.dialog.user.isprintable()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    try:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = new
    except (LookupError, TypeError):  # an earlier change took this place away
        pass


@every_platform
def test_the_server_never_fails_at_a_request(name: str) -> None:
    async def run() -> None:
        platform = PLATFORMS[name]
        inbox = MemoryInbox()
        dice = random.Random(7)
        good = platform.text(1, "hello")
        bodies = [b"", b"null", b"[]", b"{}", b"[" * 50_000, b'{"object":1}', b'"\\ud800"', b"\xff" * 10]
        bodies += [good[: dice.randrange(len(good))] for _ in range(50)]
        async with serving(platform.make(), inbox) as url, aiohttp.ClientSession() as client:
            for body in bodies:
                for headers in (platform.sign(body), {}, {**platform.sign(body), "x-other": "1"}):
                    async with client.post(f"{url}/{name}", data=body, headers=headers) as response:
                        assert response.status in ((200, 400) if headers else (401,)), body[:100]
            for query in ("", "?hub.mode=subscribe", "?hub.mode=subscribe&hub.verify_token=%ff&hub.challenge=1"):
                async with client.get(f"{url}/{name}{query}") as response:
                    assert response.status in (403, 405)
            assert inbox.updates == []
            for _ in range(2):
                async with client.post(f"{url}/{name}", data=good, headers=platform.sign(good)) as response:
                    assert response.status == 200
            assert [update.message for update in inbox.updates] == [{"text": "hello"}]

    asyncio.run(run())


@pytest.mark.parametrize("name", ["facebook", "whatsapp"])
def test_a_handshake_needs_the_token(name: str) -> None:
    async def run() -> None:
        channel = PLATFORMS[name].make(verify_token=["new-token", "old-token"])
        async with serving(channel) as url, aiohttp.ClientSession() as client:
            for token, status in (("new-token", 200), ("old-token", 200), ("other", 403), ("", 403)):
                query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
                async with client.get(f"{url}/{name}", params=query) as response:
                    assert response.status == status
                    assert (await response.text() == "1158201444") == (status == 200)
                    assert response.content_type == "text/plain"
        async with serving(PLATFORMS[name].make(verify_token=None)) as url, aiohttp.ClientSession() as client:
            query = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}
            async with client.get(f"{url}/{name}", params=query) as response:
                assert response.status == 403

    asyncio.run(run())


# What goes out


def run_with(name: str, scenario: Callable[[Channel, Any], Any], faults: Any = None, /, **options: Any) -> None:
    """Run a scenario with a started channel and the stand-in that it calls."""

    async def run() -> None:
        async with PLATFORMS[name].stand_in(**(faults or {})) as platform:
            channel = PLATFORMS[name].make(api_url=platform.url, **{"timeout": 1.0, **options})
            await channel.start(Services(mailbox=MemoryMailbox()))
            try:
                await asyncio.wait_for(scenario(channel, platform), 60)
            finally:
                await channel.close()

    asyncio.run(run())


async def say(channel: Channel, content: dict[str, Any], key: str = "k") -> None:
    """Send what a reply becomes."""
    dialog = Dialog(channel.name, PLATFORMS[channel.type].user)
    for number, part in enumerate(channel.expand(content)):
        await channel.send(Command(part, f"{key}-{number}"), dialog)


LONG = "Ein Satz mit Wörtern. " * 400
MANY = [{"title": f"Button number {n} with a long title", "payload": "p" * 100 + str(n)} for n in range(60)]
REPLIES = (
    *EXAMPLES,
    {"text": LONG},
    {"text": "👩‍👩‍👧" * 1500},
    {"text": "see here", "formats": [{"style": "link", "start": 4, "end": 8, "url": "https://example.com"}]},
    {"text": "b" * 4090, "formats": [{"style": "bold", "start": 0, "end": 4090}]},
    {"image": {"url": "https://example.com/a.png", "caption": LONG[:5000]}},
    {"audio": {"url": "https://example.com/a.ogg", "caption": "listen"}},
    {"file": {"url": "https://example.com/a", "size": 3}},
    {"video": {"url": "https://example.com/a.mp4", "size": 3, "duration": 2.4, "caption": "look"}},
    {"location": {"latitude": 1, "longitude": 2}},
    {"contact": {"name": "Ada " * 20, "phone": "+421900000000000000000"}},
    {"buttons": {"text": LONG[:3000], "buttons": MANY[:2]}},
    {"buttons": {"text": "a", "buttons": MANY[:7]}},
    {"buttons": {"text": "a", "buttons": MANY}},
    {"buttons": {"text": "a", "buttons": [{"title": "Site", "url": "https://example.com"}]}},
    {"buttons": {"text": "a", "buttons": [{"title": "Site", "url": "https://example.com"}, {"title": "Red"}]}},
    {"buttons": {"text": "a", "image": {"url": "https://example.com/a.png"}, "buttons": MANY[:5]}},
    {"buttons": {"text": LONG[:2500], "image": {"url": "https://example.com/a.png"}, "buttons": MANY[:2]}},
    {"quick_replies": {"text": "a", "replies": MANY[:12]}},
    {"quick_replies": {"text": "a", "replies": [{"title": "<b>&"}, {"title": "x" * 21}, {"title": "y" * 24}]}},
)


@every_platform
@pytest.mark.parametrize("content", REPLIES, ids=lambda content: f"{next(iter(content))}-{len(str(content))}")
def test_a_platform_takes_what_every_reply_becomes(name: str, content: dict[str, Any]) -> None:
    async def scenario(channel: Channel, platform: PlatformStandIn) -> None:
        await say(channel, content)
        assert bool(platform.sent()) == ("native" not in content), "something is seen of each reply"

    run_with(name, scenario)


@every_platform
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("429", RetryLater),
        ("400", Undeliverable),
        ("500", OutcomeUnknown),
        ("500_after", OutcomeUnknown),
        ("lost", OutcomeUnknown),
        ("stall", OutcomeUnknown),
    ],
)
def test_what_went_wrong_is_told_apart(name: str, answer: str, error: type[Exception]) -> None:
    async def scenario(channel: Channel, platform: PlatformStandIn) -> None:
        platform.script(PLATFORMS[name].user, answer, "ok")
        with pytest.raises(error) as caught:
            await say(channel, {"text": "hello"})
        assert type(caught.value) is error
        if answer != "429":
            await say(channel, {"text": "hello"})
            assert platform.sent()

    run_with(name, scenario, timeout=0.3)


@every_platform
def test_a_dialog_that_is_closed_is_told_apart(name: str) -> None:
    async def scenario(channel: Channel, platform: PlatformStandIn) -> None:
        platform.closed.add(PLATFORMS[name].user)
        with pytest.raises(DialogClosed):
            await say(channel, {"text": "hello"})

    run_with(name, scenario)


@every_platform
def test_a_wrong_token_is_the_operators_and_not_repeated(name: str) -> None:
    token = {"viber": {"api_token": "another-token"}}.get(name, {"access_token": "another-token"})

    async def scenario(channel: Channel, platform: PlatformStandIn) -> None:
        with pytest.raises(RetryLater, match="refuses") as caught:
            await say(channel, {"text": "hello"})
        assert caught.value.reach == "channel"
        assert "another-token" not in str(caught.value)

    run_with(name, scenario, **token)


@every_platform
def test_nothing_is_lost_or_out_of_order_at_a_platform_that_fails(name: str) -> None:
    async def scenario(channel: Channel, platform: PlatformStandIn) -> None:
        unknown = 0
        for number in range(40):
            while True:
                try:
                    await say(channel, {"text": f"{number:02}"})
                    break
                except OutcomeUnknown:
                    unknown += 1
                except RetryLater:
                    platform.judge._not_before.clear()
        texts = [_text(one) for one in platform.sent()]
        assert texts == sorted(texts)
        assert set(texts) == {f"{number:02}" for number in range(40)}
        assert len(texts) - 40 <= unknown, "only what nobody knew of is there twice"

    chances = {"seed": 3, "p_429": 0.1, "p_5xx": 0.1, "p_500_after": 0.1, "p_lost": 0.1, "latency": (0.0, 0.01)}
    run_with(name, scenario, chances, **UNLIMITED.get(name, {}))


def _text(content: dict[str, Any]) -> str:
    text = content.get("text") or content.get("message", {}).get("text")
    return str(text["body"] if isinstance(text, dict) else text)


# Options


@every_platform
def test_secrets_and_tokens_by_their_form_do_not_reach_the_log(name: str) -> None:
    channel = PLATFORMS[name].make()
    pattern = channel.token_pattern
    assert pattern is not None
    token = {"viber": viber.TOKEN}.get(name, facebook.TOKEN)
    assert pattern.fullmatch(token)
    assert token not in Redactor([])(f"failed: {token}.")
    assert all(secret not in Redactor(channel.secrets)(f"{secret!r}") for secret in channel.secrets)


def test_the_log_knows_the_tokens_of_all_types() -> None:
    for type_ in TYPES:
        pattern = channel_class(type_).token_pattern
        assert pattern is None or pattern.pattern in TOKENS.pattern


@every_platform
@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("secret", ""),
        ("secret", []),
        ("secret", "two words"),
        ("api_url", "ftp://wrong"),
        ("timeout", 0.0),
    ],
)
def test_an_option_that_cannot_be_used_is_named_and_not_repeated(name: str, option: str, wrong: Any) -> None:
    option = PLATFORMS[name].secret if option == "secret" else option
    with pytest.raises(ValueError, match=option) as caught:
        PLATFORMS[name].make(**{option: wrong})
    assert not wrong or str(wrong) not in str(caught.value)


@every_platform
def test_options_are_those_of_the_constructor(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    struct: Any = channel_class(name).Options  # type: ignore[attr-defined]
    required = {"facebook": META, "whatsapp": {**META, "phone_number_id": "1"}, "viber": {"api_token": "a"}}[name]
    given = {**required, "timeout": {"default": 5, "read": 20}, "limits": {"max_connections": 10}}
    channel_class(name)(**msgspec.structs.asdict(msgspec.convert(given, struct, strict=False)))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**required, "other": 1}, struct)
