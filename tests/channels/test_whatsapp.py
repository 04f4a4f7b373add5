"""WhatsApp's Cloud API: what is its own."""

import logging
from typing import Any

import pytest

from maxbot.channels.base import Request
from maxbot.channels.meta import GraphError
from maxbot.channels.split import Limit
from maxbot.channels.whatsapp.failures import Attempts, judge
from maxbot.channels.whatsapp.replies import marked
from maxbot.commands import Format
from maxbot.errors import (
    DialogClosed,
    Misconfigured,
    RetryLater,
    SendError,
    Unauthorized,
    Undeliverable,
)
from maxbot.types import Command, Dialog
from tests.channels.test_platforms import make_whatsapp, run_with, say
from tests.support.facebook import refused
from tests.support.platforms import PlatformStandIn
from tests.support.whatsapp import delivery, said, value


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    good = "28827c40e9cbf9cb34677cc797c149b7ccea002a187e51d0894d15f55385a025"
    channel = make_whatsapp(app_secret="topsecret")
    channel.verify(Request(body, {"x-hub-signature-256": f"sha256={good}"}))
    with pytest.raises(Unauthorized):
        channel.verify(Request(body + b"\n", {"x-hub-signature-256": f"sha256={good}"}))


def test_all_of_a_batch_is_read_in_order_and_other_numbers_are_left_out() -> None:
    first = value(
        said("wamid.1", timestamp="20", text={"body": "b"}), said("wamid.2", timestamp="10", text={"body": "a"})
    )
    other = value(said("wamid.3", text={"body": "x"}), number="99")
    again = value(said("wamid.1", timestamp="20", text={"body": "b"}), said("wamid.4", "7", "30", text={"body": "c"}))
    updates = make_whatsapp().parse(Request(delivery(first, other, again)))
    assert [(update.dialog.user, update.message["text"]) for update in updates] == [
        ("49170", "a"), ("49170", "b"), ("7", "c"),
    ]  # fmt: skip


def test_one_message_that_nobody_understands_keeps_no_other_back() -> None:
    wrong = [{"id": 1}, said("wamid.2", text={"body": 5}), said("wamid.3", image=None)]
    body = delivery(value(said("wamid.1", text={"body": "a"}), *wrong, said("wamid.4", text={"body": "b"})))
    assert [update.key for update in make_whatsapp().parse(Request(body))] == ["wamid.1", "wamid.4"]


def test_what_failed_afterwards_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    status = {"id": "wamid.1", "status": "failed", "errors": [{"code": 131026, "title": "Message undeliverable"}]}
    assert make_whatsapp().parse(Request(delivery(value(statuses=[status])))) == []
    assert "131026 Message undeliverable" in caplog.text


def test_keys_are_kept_longer_than_whatsapp_delivers_again() -> None:
    assert (make_whatsapp().keep_seen or 0) > 7 * 86400
    assert make_whatsapp().body_limit >= 3 * 1024 * 1024


@pytest.mark.parametrize(
    ("code", "error", "reach", "wait"),
    [
        (130429, RetryLater, "channel", 60.0),
        (80007, RetryLater, "channel", 60.0),
        (131048, RetryLater, "channel", 3600.0),
        (131056, RetryLater, "dialog", 6.0),
        (131016, RetryLater, "dialog", None),
        (131053, RetryLater, "dialog", None),
        (131047, DialogClosed, "", None),
        (131026, Undeliverable, "", None),
        (131009, Undeliverable, "", None),
        (132000, Undeliverable, "", None),
        (131049, Undeliverable, "", None),
        (0, Misconfigured, "channel", None),
        (190, Misconfigured, "channel", None),
        (131031, Misconfigured, "channel", None),
        (131042, Misconfigured, "channel", None),
        (200, Misconfigured, "channel", None),
    ],
)
def test_errors_by_their_codes(code: int, error: type[SendError], reach: str, wait: float | None) -> None:
    found = judge(GraphError(code=code), "why")
    assert type(found) is error
    assert (getattr(found, "reach", ""), getattr(found, "retry_after", None)) == (reach, wait)


def test_a_file_that_is_not_there_is_tried_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        def check(call: object) -> None:
            raise refused(131053, "Media upload error")

        monkeypatch.setattr(platform, "check", check)
        command = Command({"image": {"url": "https://example.com/gone.png"}}, "key")
        for _ in range(2):
            with pytest.raises(RetryLater):
                await channel.send(command, Dialog("whatsapp", "49170"))
        with pytest.raises(Undeliverable, match="3 times"):
            await channel.send(command, Dialog("whatsapp", "49170"))

    run_with("whatsapp", scenario)


def test_attempts_are_forgotten_in_the_end() -> None:
    attempts = Attempts(2)
    attempts.last("first")
    for number in range(Attempts.KEPT):
        attempts.last(f"{number}")
    assert not attempts.last("first")
    assert attempts.last("first")


def test_a_user_who_hides_the_number_is_written_to_by_id() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        for user in ("49170", "US.1234"):
            await channel.send(Command({"text": "hi"}), Dialog("whatsapp", user))
        number, id = platform.sent()
        assert (number["to"], id["recipient"]) == ("49170", "US.1234")
        assert "recipient" not in number
        assert "to" not in id

    run_with("whatsapp", scenario)


def test_typing_needs_the_message_that_is_answered() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        await channel.typing(Dialog("whatsapp", "49170"))
        assert platform.calls == []
        (update,) = channel.parse(Request(delivery(value(said("wamid.1", text={"body": "a"})))))
        await channel.typing(update.dialog, update.address)
        assert platform.calls[0].content["message_id"] == "wamid.1"
        assert platform.calls[0].outcome == "ok"

    run_with("whatsapp", scenario)


def test_three_buttons_more_are_a_list_and_a_link_is_alone() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        buttons = [{"title": str(n)} for n in range(4)]
        site = {"title": "Site", "url": "https://example.com"}
        image = {"url": "https://example.com/a.png"}
        for offered in (buttons[:3], buttons, [{"title": "x" * 22}], [site], [site, buttons[0]]):
            await say(channel, {"buttons": {"text": "a", "buttons": offered}})
        await say(channel, {"buttons": {"text": "a", "image": image, "buttons": buttons[:3]}})
        offers = [one["interactive"] for one in platform.sent()]
        assert [one["type"] for one in offers] == ["button", "list", "list", "cta_url", "button", "button"]
        assert offers[1]["action"]["button"] == "Auswahl"
        assert offers[4]["body"]["text"] == "a\nSite: https://example.com"
        assert offers[5]["header"] == {"type": "image", "image": {"link": "https://example.com/a.png"}}

    run_with("whatsapp", scenario, list_button="Auswahl")


def test_marks_stand_around_what_they_are_for() -> None:
    formats = (Format(style="bold", start=0, end=5), Format(style="italic", start=6, end=7))
    assert marked("hello a b", formats, Limit(100)) == "*hello* _a_ b"
    assert marked("hello a b", formats, Limit(10)) == "hello a b"


def test_a_template_reaches_a_user_who_did_not_write() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        platform.closed.add("49170")
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        await say(channel, {"native": {"whatsapp": {"template": template}}})
        assert platform.sent()[0]["template"] == template
        objects: list[dict[str, Any]] = [{}, {"a": {}, "b": {}}, {"template": "x"}, {"to": {}, "x": 1}]
        for wrong in objects:
            with pytest.raises(Undeliverable):
                await channel.send(Command({"native": {"whatsapp": wrong}}), Dialog("whatsapp", "49170"))

    run_with("whatsapp", scenario)


def test_registration_subscribes_the_account_where_it_is_known() -> None:
    async def scenario(channel: Any, platform: PlatformStandIn) -> None:
        await channel.register("https://example.com/whatsapp")
        assert [call.path for call in platform.calls] == ["/v25.0/77/subscribed_apps"]

    run_with("whatsapp", scenario, business_account_id="77")
    assert "messages" in (make_whatsapp().greeting("", registers=True) or "")


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("phone_number_id", "+49 170"),
        ("business_account_id", "x"),
        ("list_button", "x" * 21),
        ("list_button", " "),
        ("api_version", "25"),
        ("api_version", "v25.0/.."),
    ],
)
def test_an_option_that_cannot_be_used_is_named(option: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=option):
        make_whatsapp(**{option: wrong})
