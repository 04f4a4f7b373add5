"""What the journal keeps of a turn, how it looks, and what it leaves out."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from maxbot.bot import MaxBot, Turn
from maxbot.errors import TurnError
from maxbot.journal import FinishedTurn, make_record
from maxbot.journal.console import lines
from maxbot.journal.redact import without_said
from maxbot.testing import Conversation

BOT = MaxBot.inline("""
intents: [{name: order, examples: [order a pizza]}]
entities: [{name: size, values: [{name: big, phrases: [huge]}]}]
rpc: [{method: ready, params: [{name: pizza}]}]
dialog:
  - condition: intents.order
    label: order
    slot_filling:
      - {name: size, check_for: entities.size, prompt: What size?, found: Noted.}
    response: "{% set user.last = message.text %}{% delete slots.size %}A big one. <end/>"
  - {condition: rpc.ready, response: '{{ params.pizza }} is <b/>ready.'}
  - {condition: message.text == 'log', response: "{% warning 'careful', 1 %}{% debug utc_time %}"}
  - condition: message.text and message.text.startswith('fail')
    response: |
      {% set user.x = 1 %}
      {{ message.text + 1 }}
""")


def talk(*messages: Any, bot: MaxBot = BOT) -> dict[str, Any]:
    """Return the record of the last message."""
    return talk_of(*messages, bot=bot)[0]


def talk_of(*messages: Any, bot: MaxBot = BOT) -> tuple[dict[str, Any], FinishedTurn]:
    """Return the record of the last message, and its turn."""
    user = Conversation(bot, "ada")
    for message in messages:
        with contextlib.suppress(TurnError):
            user.requests(message) if "method" in message else user.says(message)
    record = make_record(user.turns[-1])
    json.dumps(record)
    return record, user.turns[-1]


def types(record: dict[str, Any]) -> list[str]:
    return [event["type"] for event in record["events"]]


def test_a_record_has_what_happened_in_order() -> None:
    record = talk("order a pizza", "huge")
    assert record["dialog"] == {"channel_name": "test", "user_id": "ada"}
    assert record["message"] == {"text": "huge"}
    assert record["time"].endswith("+00:00")
    assert record["intents"] == {"top": None, "ranking": []}
    assert record["entities"] == [
        {"name": "size", "value": "big", "literal": "huge", "start_char": 0, "end_char": 4},
    ]
    assert types(record) == ["node_triggered", "slot_filling", "assign", "found", "response", "assign", "delete"]
    assert record["events"][2]["payload"] == {"slots": "size", "value": "big"}
    assert record["events"][4]["payload"]["control_command"] == {"end": {}}
    assert record["response"] == "<text>Noted.</text>\n<text>A big one.</text>"
    assert record["user"] == {"last": "huge"}
    assert "error" not in record


def test_conditions_that_were_tried_end_with_the_one_that_was_true() -> None:
    record = talk("log")
    assert record["tried"] == [{"conditions": ["intents.order", "rpc.ready", "message.text == 'log'"], "found": True}]
    assert talk("nothing of it")["tried"][0]["found"] is False


def test_of_many_conditions_the_last_are_kept() -> None:
    nodes = "\n".join(f"  - {{condition: message.text == '{number}' or false, response: x}}" for number in range(150))
    record = talk("149", bot=MaxBot.inline(f"dialog:\n{nodes}"))
    (tried,) = record["tried"]
    assert (len(tried["conditions"]), tried["before"]) == (100, 50)
    assert "149" in tried["conditions"][-1]


def test_a_request_is_told_instead_of_a_message() -> None:
    record = talk({"method": "ready", "params": {"pizza": "Margherita"}})
    assert record["rpc"] == {"method": "ready", "params": {"pizza": "Margherita"}}
    assert "message" not in record


def test_a_failed_turn_has_its_place_and_what_happened_before() -> None:
    record = talk("fail")
    assert "response" not in record
    assert record["error"]["line"] == 16
    assert record["error"]["file"] == "<inline>"
    assert "{{ message.text + 1 }}" in record["error"]["snippets"][0]
    assert types(record) == ["node_triggered", "response", "assign"]


def test_values_that_are_no_json_are_written_as_they_look() -> None:
    logs = [event["payload"] for event in talk("log")["events"] if event["type"] == "log"]
    assert logs[0] == {"level": "WARNING", "message": ["careful", 1]}
    assert logs[1]["message"].startswith("datetime.datetime(")
    circle: list[Any] = [object()]
    circle.append(circle)
    user = Conversation(BOT)
    odd = {"odd": circle, "half": "\ud800", "keys": {1: None}}
    turn = FinishedTurn(dialog=user.dialog, utc_time=datetime.now(UTC), message=odd)
    assert json.dumps(make_record(turn))


def test_a_bot_in_python_has_a_record_as_well() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.add_own({"poll": {"question": turn.message["text"]}})

    record = talk("why?", bot=bot)
    assert record["response"] == '{"poll": {"question": "why?"}}'
    assert "events" not in record


# For people ────────────────────────────────────────────────────────────────────────────────────────────────────────


def shown(record: dict[str, Any], verbosity: int = 0) -> list[str]:
    return [line.split("test:ada")[-1].strip() for line in lines(record, verbosity)]


def test_what_is_shown_grows_with_verbosity() -> None:
    record = talk("order a pizza", "huge")
    assert shown(record, -1) == []
    assert shown(record) == ["🧑 huge", "🤖 <text>Noted.</text>", "<text>A big one.</text>"]
    assert "· entities: size=big ('huge')" in shown(record, 1)
    assert "· slots.size = 'big'" in shown(record, 1)
    assert "· delete slots.size" in shown(record, 1)
    assert not any("node_triggered" in line for line in shown(record, 1))
    assert "· response order → end" in shown(record, 2)
    assert "· user: {'last': 'huge'}" in shown(record, 2)
    said, warned, noted, answered = shown(talk("log"))
    assert [said, warned, answered] == ["🧑 log", "· warning: ['careful', 1]", "🤖 (nothing)"]
    assert noted.startswith("· debug: datetime.datetime(")


def test_a_failed_turn_is_shown_even_if_quiet() -> None:
    text = "\n".join(shown(talk("fail"), -1))
    assert "✗ <inline>:16: " in text
    assert "16 |" in text


def test_a_picture_and_a_request_are_shown_on_a_line() -> None:
    picture = {"image": {"url": "http://example.org/a.png", "caption": "a cat"}}
    assert shown(talk(picture))[0] == "🧑 [image: http://example.org/a.png, a cat]"
    assert shown(talk({"method": "ready", "params": {"pizza": "x"}}))[0] == "💡 ready {'pizza': 'x'}"


def test_nobody_can_colour_the_terminal_or_forge_a_line() -> None:
    found = lines(talk("\x1b[31mred\n09:30:00 web:bob 🧑 me"), colours=True)
    assert not any("\x1b[31m" in line for line in found)
    assert len([line for line in found if "web:bob" in line and "🧑 me" in line.split("web:bob")[0]]) == 0
    assert not found[1].lstrip("\x1b[2m").startswith("09")


# Without what users said ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "messages",
    [
        ("order a pizza", "huge SECRET"),
        ("fail SECRET",),
        ({"image": {"url": "http://example.org/SECRET.png", "caption": "SECRET"}},),
        ({"method": "ready", "params": {"pizza": "SECRET"}},),
    ],
)
def test_nothing_of_what_was_said_is_left(messages: tuple[Any, ...]) -> None:
    record, turn = talk_of(*messages)
    assert "SECRET" in json.dumps(record)
    redacted = without_said(record, turn)
    assert "SECRET" not in json.dumps(redacted)
    assert "big" not in json.dumps(redacted.get("entities", []))
    assert list(redacted) == [*[key for key in record if key not in ("user", "slots")]] + [
        key for key in ("user", "slots") if key in record
    ]


def test_names_conditions_and_places_stay() -> None:
    redacted = without_said(*talk_of("order a pizza", "huge"))
    assert redacted["message"] == {"text": "***"}
    assert redacted["user"] == {"last": "***"}
    assert redacted["response"] == "<text>***</text>\n<text>***</text>"
    assert types(redacted) == types(talk("order a pizza", "huge"))
    assert redacted["events"][2]["payload"] == {"slots": "size", "value": "***"}
    assert without_said(*talk_of("fail"))["error"]["line"] == 16


LEAKY = MaxBot.inline("""
entities: [{name: city, values: [{name: rome, phrases: [rome]}]}]
dialog:
  - {condition: message.text == 'note', label: note, response: "{% set user.note = message.text %}"}
  - condition: message.text and message.text.startswith('remember ')
    response: "{% set user.pin = message.text[9:] %}{% set user.n = 123450 + 6 %}"
  - {condition: message.text == 'old', response: "{{ {}[user.pin].x }}"}
  - {condition: message.text == 'older', response: "{{ {}[user.n].x }}"}
  - condition: message.text and message.text.startswith('go ')
    response: '<jump_to node="{{ message.text[3:] }}" transition="response"/>'
  - {condition: message.text and message.text.startswith('tag '), response: "{{ message.text[4:]|safe }}"}
  - {condition: message.text and message.text.startswith('int '), response: "{{ {}[message.text.split()[1]].x }}"}
""")


@pytest.mark.parametrize(
    ("messages", "secret"),
    [
        (("remember SECRET", "old"), "SECRET"),
        (("remember SECRET", "older"), "123456"),
        (("go SECRET",), "SECRET"),
        (("tag <SECRET>",), "SECRET"),
        (("int SECRET",), "SECRET"),
    ],
)
def test_errors_say_no_word_of_what_was_said_or_remembered(messages: tuple[str, ...], secret: str) -> None:
    record, turn = talk_of(*messages, bot=LEAKY)
    assert "error" in record
    conditions = {key: record.pop(key) for key in ("tried", "events") if key in record}
    redacted = without_said({**record, "events": conditions["events"]}, turn)
    shown = json.dumps([redacted["error"], [event["payload"].get("control_command") for event in redacted["events"]]])
    assert secret not in shown


def test_replies_that_are_no_markup_are_left_out_too() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Any) -> None:
        turn.add_own({"sticker": {turn.message["text"]: turn.message["text"]}})

    record, turn = talk_of("SECRET", bot=bot)
    assert "SECRET" in record["response"]
    assert without_said(record, turn)["response"] == "<sticker>***</sticker>"
