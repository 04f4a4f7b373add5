"""The stand-in of Telegram does what the tests that lean on it believe."""

import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.faults import Faults, Judge, Script
from tests.support.records import Call
from tests.support.telegram import TelegramStandIn


@pytest.fixture(scope="module")
def api() -> Iterator[TelegramStandIn]:
    with TelegramStandIn() as api:
        yield api


def call(
    api: TelegramStandIn, method: str, arguments: dict[str, Any], *, form: bool = False, timeout: float = 10
) -> tuple[int, dict[str, Any]]:
    body = urllib.parse.urlencode(arguments).encode() if form else json.dumps(arguments).encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    request = urllib.request.Request(f"{api.url}/bot1:secret/{method}", body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def send(api: TelegramStandIn, chat: int, text: str, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    return call(api, "sendMessage", {"chat_id": chat, "text": text}, **kwargs)


def test_a_message_is_answered_and_written_down(api: TelegramStandIn) -> None:
    since = len(api.history())
    before = time.monotonic()
    status, answer = send(api, 5, "hello")
    after = time.monotonic()
    assert status == 200
    assert answer["result"]["text"] == "hello"
    assert answer["result"]["chat"]["id"] == 5
    (entry,) = api.history(since)
    assert (entry.method, entry.chat, entry.text, entry.outcome) == ("sendMessage", "5", "hello", "ok")
    assert entry.answered is not None
    assert before < entry.arrived <= entry.answered < after


def test_forms_are_understood_as_well(api: TelegramStandIn) -> None:
    since = len(api.history())
    assert send(api, 6, "grüß dich & mehr", form=True)[0] == 200
    boundary = b"--x\r\nContent-Disposition: form-data; name="
    body = boundary + b'"chat_id"\r\n\r\n6\r\n' + boundary + '"caption"\r\n\r\nschön\r\n--x--\r\n'.encode()
    request = urllib.request.Request(
        f"{api.url}/bot1/sendPhoto", body, {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
    assert [entry.text for entry in api.history(since)] == ["grüß dich & mehr", "schön"]


@pytest.mark.parametrize("text", ["", "x" * 4097])
def test_a_text_that_telegram_refuses_is_refused(api: TelegramStandIn, text: str) -> None:
    assert send(api, 7, text)[0] == 400


def test_a_blocked_chat_answers_403_and_sees_nothing(api: TelegramStandIn) -> None:
    api.control(blocked=["8"])
    delivered = api.stats().delivered
    assert send(api, 8, "hello")[0] == 403
    assert api.stats().delivered == delivered


def test_scripted_answers_come_in_order(api: TelegramStandIn) -> None:
    since = len(api.history())
    api.control(scripts=[{"chat": "9", "answers": ["500", "lost", "500_after", "403", "429:1"]}])
    assert send(api, 9, "a")[0] == 500
    with pytest.raises(RemoteDisconnected):
        send(api, 9, "b")
    assert send(api, 9, "c")[0] == 500
    assert send(api, 9, "d")[0] == 403
    status, answer = send(api, 9, "e")
    assert (status, answer["parameters"]["retry_after"]) == (429, 1)
    refused_at = time.monotonic()
    assert send(api, 9, "f")[0] == 429
    assert send(api, 10, "another chat is free")[0] == 200
    while send(api, 9, "g")[0] == 429:
        time.sleep(0.01)
    assert time.monotonic() - refused_at > 0.9
    outcomes = [entry.outcome for entry in api.history(since) if entry.chat == "9"]
    assert outcomes[:6] == ["500", "lost", "500_after", "403", "429", "early"]
    assert [entry.text for entry in api.history(since) if entry.chat == "9" and entry.delivered] == ["b", "c", "g"]


def test_a_stalled_call_is_delivered_and_never_answered(api: TelegramStandIn) -> None:
    since = len(api.history())
    api.control(scripts=[{"chat": "11", "answers": ["stall"]}])
    with pytest.raises(TimeoutError):
        send(api, 11, "hello", timeout=0.2)
    (entry,) = api.history(since)
    assert entry.delivered
    assert entry.answered is None


def test_who_goes_away_before_the_answer_has_none_in_the_history(api: TelegramStandIn) -> None:
    since = len(api.history())
    api.control(scripts=[{"chat": "12", "answers": ["ok:0.3"]}])
    with pytest.raises(TimeoutError):
        send(api, 12, "hello", timeout=0.1)
    assert send(api, 13, "after")[0] == 200
    (entry,) = [entry for entry in api.history(since) if entry.chat == "12"]
    assert entry.answered is None


def test_a_latency_is_kept(api: TelegramStandIn) -> None:
    since = len(api.history())
    api.control(scripts=[{"chat": "14", "answers": ["ok:0.2"]}])
    assert send(api, 14, "hello")[0] == 200
    (entry,) = api.history(since)
    assert entry.answered is not None
    assert 0.19 < entry.answered - entry.arrived < 1


def test_long_polling_waits_for_updates_and_forgets_the_confirmed(api: TelegramStandIn) -> None:
    answers: list[dict[str, Any]] = []
    polls = api.stats().methods.get("getUpdates", 0)
    poller = threading.Thread(
        target=lambda: answers.append(call(api, "getUpdates", {"offset": 0, "timeout": 10})[1]), daemon=True
    )
    poller.start()
    api.wait(lambda stats: stats.methods.get("getUpdates", 0) > polls)
    api.control(updates=[{"update_id": 1}, {"update_id": 2}])
    poller.join(10)
    assert answers[0]["result"] == [{"update_id": 1}, {"update_id": 2}]
    assert call(api, "getUpdates", {"offset": 2})[1]["result"] == [{"update_id": 2}]
    assert call(api, "getUpdates", {"offset": 3})[1]["result"] == []
    assert api.stats().pending_updates == 0


def test_of_two_pollers_the_first_is_told_of_the_conflict(api: TelegramStandIn) -> None:
    statuses: list[int] = []
    polls = api.stats().methods.get("getUpdates", 0)
    first = threading.Thread(target=lambda: statuses.append(call(api, "getUpdates", {"timeout": 10})[0]), daemon=True)
    first.start()
    api.wait(lambda stats: stats.methods.get("getUpdates", 0) > polls)
    assert call(api, "getUpdates", {"timeout": 0})[0] == 200
    first.join(10)
    assert statuses == [409]


def test_a_webhook_and_polling_exclude_each_other(api: TelegramStandIn) -> None:
    assert call(api, "setWebhook", {"url": "https://example.com/telegram", "secret_token": "s"})[0] == 200
    assert (api.stats().webhook, api.stats().secret_token) == ("https://example.com/telegram", "s")
    assert call(api, "getUpdates", {})[0] == 409
    assert call(api, "deleteWebhook", {})[0] == 200
    assert call(api, "getUpdates", {})[0] == 200


def test_getme_and_unknown_methods(api: TelegramStandIn) -> None:
    assert call(api, "getMe", {})[1]["result"]["is_bot"] is True
    assert call(api, "sendTelegram", {})[0] == 404


def test_a_wrong_control_call_is_said(api: TelegramStandIn) -> None:
    with pytest.raises(ValueError, match="p_421"):
        api.control(p_421=0.5)
    with pytest.raises(ValueError, match="500_before"):
        api.control(scripts=[{"chat": "1", "answers": ["500_before"]}])


def test_bytes_that_are_no_http_close_the_connection(api: TelegramStandIn) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        connection.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
        assert connection.recv(100) == b""


def test_the_history_file_has_a_line_for_each_call(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    with TelegramStandIn(history_file=file) as api:
        for number in range(3):
            send(api, 1, str(number))
        calls = api.history()
    assert [msgspec.json.decode(line, type=Call) for line in file.read_text().splitlines()] == calls


def test_chance_keeps_its_shares_and_repeats_from_its_seed() -> None:
    faults = Faults(seed=7, p_429=0.05, p_5xx=0.05, p_lost=0.03, p_500_after=0.02, p_stall=0.01, latency=(0.1, 0.2))

    def run(order: list[int]) -> dict[int, list[str]]:
        judge = Judge(faults)
        outcomes: dict[int, list[str]] = {}
        for chat in order:
            for attempt in range(3):  # far apart, so that no 429 is still in force
                fate = judge.send(str(chat), "text", now=chat * 100 + attempt * 10)
                outcomes.setdefault(chat, []).append(fate.outcome)
                assert fate.outcome == "stall" or 0.1 <= fate.delay <= 0.2
        return outcomes

    forward = run(list(range(5000)))
    assert run(list(reversed(range(5000)))) == forward
    flat = [outcome for outcomes in forward.values() for outcome in outcomes]
    shares = {outcome: flat.count(outcome) / len(flat) for outcome in set(flat)}
    assert shares == pytest.approx(
        {"429": 0.05, "500": 0.05, "lost": 0.03, "500_after": 0.02, "stall": 0.01, "ok": 0.84}, abs=0.01
    )


def test_a_global_limit_holds_for_all_chats_and_uses_up_no_script() -> None:
    judge = Judge(Faults(limit="global"))
    judge.add(Script(chat="1", answers=["429:5"]))
    judge.add(Script(chat="2", answers=["500"]))
    assert judge.send("1", "a", now=100).outcome == "429"
    assert judge.send("2", "a", now=104).outcome == "early"
    assert judge.send("2", "a", now=105).outcome == "500"


@pytest.mark.parametrize("wrong", [{"p_lost": 0.6, "p_429": 0.6}, {"p_lost": -0.1}, {"limit": "planet"}])
def test_faults_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="do not go together"):
        Judge(Faults(**wrong))
