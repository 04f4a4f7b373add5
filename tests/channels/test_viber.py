"""Viber: what is its own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.channels.base import Request
from maxbot.channels.viber.offers import LIMIT, answered, written
from maxbot.channels.viber.replies import file_name, keyboard
from maxbot.commands import Button, File
from maxbot.errors import (
    DialogClosed,
    Misconfigured,
    OutcomeUnknown,
    RetryLater,
    SendError,
    Undeliverable,
)
from maxbot.types import Command, Dialog
from tests.channels.test_platforms import make_viber, run_with, say
from tests.support.platforms import PlatformStandIn
from tests.support.viber import TOKEN, ViberStandIn, refused, said

USER = Dialog("viber", "01234567890A=")


def test_the_signature_is_that_of_vibers_own_test() -> None:
    """Source: https://github.com/Viber/viber-bot-python, tests/test_api.py"""
    body = b'{"event":"webhook","timestamp":4977069964384421269,"message_token":1478683725125}'
    headers = {"x-viber-content-signature": "d21b343448c8aee33b8e93768ef6ceb64a6ba6163099973a2b8bd028fea510ef"}
    channel = make_viber(api_token=TOKEN)
    channel.verify(Request(body, headers))
    assert channel.parse(Request(body)) == []


def test_a_token_of_63_bits_is_a_key_as_it_is() -> None:
    (update,) = make_viber().parse(Request(said(9223372036854775807, text="a")))
    assert update.key == "9223372036854775807"


@pytest.mark.parametrize(
    ("status", "error", "reach"),
    [
        (12, RetryLater, "dialog"),
        (23, RetryLater, "channel"),
        (5, DialogClosed, ""),
        (6, DialogClosed, ""),
        (2, Misconfigured, "channel"),
        (10, Misconfigured, "channel"),
        (3, Undeliverable, ""),
        (13, Undeliverable, ""),
        (21, Undeliverable, ""),
        (22, Undeliverable, ""),
        (99, OutcomeUnknown, ""),
    ],
)
def test_errors_come_with_status_200(
    status: int, error: type[SendError], reach: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        def check(call: object) -> None:
            raise refused(status, f"why {TOKEN}")

        monkeypatch.setattr(platform, "check", check)
        with pytest.raises(SendError, match="why") as caught:
            await say(channel, {"text": "hello"})
        assert type(caught.value) is error
        assert getattr(caught.value, "reach", "") == reach
        assert TOKEN not in str(caught.value)

    run_with("viber", scenario)


def test_a_button_comes_back_as_a_press() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        offered = [{"title": "Red <3", "payload": "r"}, {"title": "Site", "url": "https://example.com"}]
        await say(channel, {"buttons": {"text": "Which?", "buttons": offered}})
        (sent,) = platform.sent()
        red, site = sent["keyboard"]["Buttons"]
        assert (red["Text"], red["ActionBody"], site["ActionType"]) == ("Red &lt;3", "r", "open-url")
        press = {"text": "Red <3", "button": {"payload": "r", "title": "Red <3"}}
        for text, expected in ((red["ActionBody"], press), ("Red <3", press), ("other", {"text": "other"})):
            body = said(1, text=text, tracking_data=sent["tracking_data"])
            assert [update.message for update in channel.parse(Request(body))] == [expected]

    run_with("viber", scenario)


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5), st.text())
def test_offers_come_back_whatever_is_in_them(offered: list[tuple[str, str]], other: str) -> None:
    text = written([Button(title=title, payload=payload) for title, payload in offered])
    for title, payload in offered:
        assert "button" in answered(payload, text)
        assert "button" in answered(title, text)
    assert answered(other, other) == {"text": other}


def test_an_offer_that_is_too_long_is_none() -> None:
    buttons = [Button(title=f"{n}", payload="x" * 100) for n in range(60)]
    assert len(written(buttons[:20])) <= LIMIT
    assert written(buttons) == ""
    for strange in ('{"maxbot":', '{"maxbot":[["a"]]}', '{"maxbot":[[1,2]]}', "[" * 1000):
        assert answered("a", strange) == {"text": "a"}


@pytest.mark.parametrize("count", [1, 3, 12, 13, 36, 37, 72])
def test_a_keyboard_has_twelve_rows_at_most(count: int) -> None:
    for title in ("x", "a longer title than stands beside others"):
        buttons = keyboard([Button(title=f"{title}{n}") for n in range(count)])["Buttons"]
        assert sum(one["Columns"] for one in buttons) <= 6 * 12


def test_a_file_has_a_name_with_an_extension_and_a_size_or_is_a_link() -> None:
    assert file_name(File(url="https://a/b.pdf?x=1")) == "b.pdf"
    assert file_name(File(url="https://a/b.pdf", name="report")) == "report.pdf"
    assert file_name(File(url="https://a/")) == "file.bin"
    assert len(file_name(File(url="https://a/b.pdf", name="x" * 500))) == 256

    channel = make_viber()
    assert channel.expand({"file": {"url": "https://a/b.pdf"}}) == [{"text": "https://a/b.pdf"}]
    assert channel.expand({"audio": {"url": "https://a/b.ogg"}}) == [{"text": "https://a/b.ogg"}]
    assert "file" in channel.expand({"file": {"url": "https://a/b.pdf", "size": 3}})[0]
    assert channel.expand({"video": {"url": "u", "wrong": 1}}) == [{"video": {"url": "u", "wrong": 1}}]


def test_the_name_of_a_place_goes_before_it() -> None:
    place = {"latitude": 1.0, "longitude": 2.0, "name": "Castle", "address": "Hill 1"}
    assert [next(iter(one)) for one in make_viber().expand({"location": place})] == ["text", "location"]


def test_what_nobody_said_of_the_account_is_asked_once() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        for _ in range(2):
            await channel.send(Command({"text": "a"}), USER)
        assert [call.path for call in platform.calls].count("/pa/get_account_info") == 1
        assert platform.sent()[1]["sender"] == {
            "name": "The bot of the account", "avatar": "https://example.com/icon.png"
        }  # fmt: skip

    run_with("viber", scenario, name=None, avatar=None)


def test_registration_names_the_events_that_are_wanted() -> None:
    async def scenario(channel: Any, platform: ViberStandIn) -> None:
        await channel.register("https://example.com/viber")
        assert platform.webhook == "https://example.com/viber"
        assert platform.calls[0].content["event_types"] == ["message", "unsubscribed", "failed"]
        with pytest.raises(SendError, match="did not register"):
            await channel.register("http://example.com/viber")

    run_with("viber", scenario)
