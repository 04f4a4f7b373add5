"""The procedures of the engine, rule by rule: what the recorded conversations leave out, and what must never break."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import TurnError
from maxbot.types import Dialog, TurnResult

ADA = Dialog("web", "ada")
NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)


def run(bot: MaxBot | str, message: dict[str, Any] | str, state: dict[str, Any] | None = None) -> TurnResult:
    bot = MaxBot.inline(bot) if isinstance(bot, str) else bot
    said = {"text": message} if isinstance(message, str) else message
    return asyncio.run(bot.run_turn(said, ADA, state or {}, NOW))


def say(bot: MaxBot | str, *texts: str | dict[str, Any]) -> list[list[str]]:
    """Return the texts that are answered; a mapping is a request of another program."""
    bot = MaxBot.inline(bot) if isinstance(bot, str) else bot
    turns = [bot.process_message(text) if isinstance(text, str) else bot.process_rpc(text) for text in texts]
    return [[command["text"] for command in turn] for turn in turns]


def said(turn: TurnResult) -> list[dict[str, Any]]:
    return [command.content for command in turn.commands]


TREE = """
dialog:
  - condition: no
    response: no is a name that nobody defined
  - condition: false
    response: never
  - condition: message.text == 'empty'
    response: ''
  - condition: message.text == 'blank'
    response: "  {{ '' }} "
  - condition: message.text == 'who'
    label: who
    response: "{{ dialog.user_id }} on {{ dialog.channel_name }} at {{ utc_time }}, {{ utc_today }}"
  - condition: message.text == 'count'
    response: |
      {% set user.n = user.n|default(0) + 1 %}
      {{ user.n }}
  - condition: message.text == 'slot'
    response: |
      {% set slots.a = [1] %}<listen/>
  - condition: message.text == 'fail'
    response: |
      first

      {{ user.nothing }}
  - condition: message.text
    response: "{{ message.text }}"
  - condition: message.image
    response: Nice picture.
"""


def test_the_first_node_whose_condition_is_true_answers() -> None:
    assert said(run(TREE, "who")) == [{"text": "ada on web at 2024-05-14 09:30:00+00:00, 2024-05-14"}]
    assert said(run(TREE, "else")) == [{"text": "else"}]
    assert said(run(TREE, {"image": {"url": "http://example.com/a.png"}})) == [{"text": "Nice picture."}]
    assert said(run(TREE, {"location": {"latitude": 1.5}})) == []


@pytest.mark.parametrize("text", ["empty", "blank", "slot"])
def test_an_empty_response_is_no_reply(text: str) -> None:
    assert said(run(TREE, text)) == []


def test_user_and_slots_are_kept_beside_what_else_is_in_the_state() -> None:
    state: dict[str, Any] = {"user": {"n": 4}, "other": 1}
    assert run(TREE, "count", state).state == {"other": 1, "user": {"n": 5}}
    assert state == {"user": {"n": 4}, "other": 1}
    assert run(TREE, "slot", state).state == {"user": {"n": 4}, "other": 1, "slots": {"a": [1]}}


def test_an_error_names_the_line_in_the_file() -> None:
    line = TREE.split("\n").index("      {{ user.nothing }}") + 1
    with pytest.raises(TurnError, match=rf"^<inline>:{line}: user.nothing is undefined") as caught:
        run(TREE, "fail")
    assert caught.value.mistake is not None
    assert caught.value.mistake.source == "      {{ user.nothing }}"


def test_what_the_user_says_is_no_template_and_no_markup() -> None:
    for text in ("{{ 1 / 0 }}", "<end/>", "&amp;", "<b>x"):
        assert said(run(TREE, text)) == [{"text": text}]


def test_characters_that_no_markup_can_hold_are_left_out() -> None:
    assert said(run(TREE, "a\x00b\ud800c\ufffe\U0001f600")) == [{"text": "abc\U0001f600"}]


ASKING = """
rpc: [{method: ping}]
dialog:
  - condition: message.text == 'order'
    label: order
    slot_filling:
      - name: plates
        check_for: slot_in_focus and message.text in ['1', '2'] and message.text
        prompt: How many?
        not_found: One or two.
      - name: colour
        check_for: slot_in_focus and message.text in ['red', 'blue'] and message.text
        prompt: Which colour?
    response: "{{ slots.plates }} {{ slots.colour }}"
    followup:
      - {condition: message.text == 'thanks', response: Welcome.}
  - condition: message.text == 'riddle'
    label: riddle
    response: "{{ 'Again: ' if returning }}What has teeth?"
    followup:
      - {condition: message.text == 'comb', response: Right.}
  - {condition: message.text == 'fail', response: 'half {{ nothing }}'}
  - {condition: rpc.ping, response: pong}
"""


def test_the_reloaded_bot_forgets_places_that_it_does_not_have() -> None:
    state = run(ASKING, "riddle").state
    assert state == {"waiting": [["riddle", "followup"]]}
    assert said(run("dialog: [{condition: true, response: new}]", "comb", state)) == [{"text": "new"}]
    without = "dialog: [{condition: message.text == 'x', label: riddle, response: x}, {condition: true, response: new}]"
    assert said(run(without, "comb", state)) == [{"text": "new"}]


def test_the_reloaded_bot_forgets_a_filling_whose_slots_are_gone() -> None:
    state = run(ASKING, "order").state
    assert state == {"waiting": [["order", "slots"]], "asked": {"order": "plates"}}
    new = "dialog: [{condition: message.text == 'x', label: order, response: x}, {condition: true, response: new}]"
    assert said(run(new, "1", state)) == [{"text": "new"}]
    other = ASKING.replace("name: plates", "name: number").replace("slots.plates", "slots.number")
    assert said(run(other, "hm", state)) == [{"text": "How many?"}], "a slot that nobody was asked for is asked"


@pytest.mark.parametrize(
    "state",
    [
        {"waiting": "order"},
        {"waiting": [["order"], ["order", "dancing"], [1, "slots"], None, "x"]},
        {"asked": {"order": 1, "nobody": "x"}, "user": [], "slots": None},
        {"waiting": [["nobody", "slots"]], "failures": "many"},
    ],
)
def test_a_state_that_nobody_can_have_stored_is_no_obstacle(state: dict[str, Any]) -> None:
    assert said(run(ASKING, "order", state)) == [{"text": "How many?"}]


def test_three_failed_turns_in_a_row_empty_the_waiting_list_and_keep_user(caplog: pytest.LogCaptureFixture) -> None:
    bot = MaxBot.inline("""
dialog:
  - condition: message.text == 'go'
    label: go
    response: "{% set user.name = 'Ada' %}{% set slots.x = 1 %}What?"
    followup: [{condition: nobody.x, response: never}]
  - {condition: message.text == 'name', response: "{{ user.name }} {{ slots.x is defined }}"}
""")
    bot.process_message("go")
    for _ in range(2):
        with pytest.raises(TurnError, match="'nobody' is undefined"):
            bot.process_message("name")
    assert not caplog.records
    with pytest.raises(TurnError):
        bot.process_message("name")
    assert "3 turns in a row have failed; the dialog starts anew" in caplog.text
    assert bot.process_message("name") == [{"text": "Ada False"}]


def test_failed_turns_count_only_in_a_row() -> None:
    bot = MaxBot.inline(ASKING)
    said: list[Any] = []
    for text in ("riddle", "fail", "fail", "hm", "fail", "fail", "comb"):
        try:
            said.append([command["text"] for command in bot.process_message(text)])
        except TurnError:
            said.append("error")
    again = ["Again: What has teeth?"]
    assert said == [["What has teeth?"], "error", "error", again, "error", "error", ["Right."]]


def test_after_failure_says_what_is_to_be_stored() -> None:
    bot = MaxBot.inline(ASKING)
    state: dict[str, Any] = {"user": {"a": 1}, "waiting": [["riddle", "followup"]], "slots": {"x": 1}}
    once, left = bot.after_failure(state)
    assert (once, left) == ({**state, "failures": 1}, False)
    twice, left = bot.after_failure(once)
    assert (twice["failures"], left) == (2, False)
    assert bot.after_failure(twice) == ({"user": {"a": 1}}, True)
    assert bot.after_failure({"failures": 2}) == ({}, False), "there was no place to leave"
    assert run(bot, "hm", once).state == {"user": {"a": 1}, "waiting": [["riddle", "followup"]], "slots": {"x": 1}}


def test_a_failed_turn_changes_nothing() -> None:
    bot = MaxBot.inline("""
dialog:
  - {condition: message.text == 'set', response: "{% set user.x = [1] %}<listen/>"}
  - condition: message.text == 'change'
    label: change
    response: |
      Changed. {% do user.x.append(2) %}{% set user.y = 1 %}{% set slots.z = 1 %}{% delete user.x %}
      <jump_to node="fails" transition="response"/>
  - {condition: false, label: fails, response: "{{ nobody }}"}
  - {condition: true, response: "{{ user.x }} {{ user.y is defined }} {{ slots.z is defined }}"}
""")
    bot.process_message("set")
    with pytest.raises(TurnError):
        bot.process_message("change")
    assert bot.process_message("look") == [{"text": "[1] False False"}]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("utc_time", r"user.x is a date, which cannot be stored; store isoformat: user.x.isoformat\(\)"),
        ("[utc_today]", r"user.x\[0\] is a date"),
        ("range", "is of type function"),
        ("{'a': nobody}", r"user.x\['a'\] is undefined"),
        ("1e308 * 10", "no such number can be stored"),
        ("10 ** 5000", "more than 1000 digits"),
    ],
)
def test_a_value_that_cannot_be_stored_fails_the_turn_and_names_the_line(value: str, hint: str) -> None:
    tree = f"dialog:\n- condition: true\n  response: |\n    one\n    {{% set user.x = {value} %}}\n"
    with pytest.raises(TurnError, match=rf"^<inline>:5: .*{hint}"):
        run(tree, "x")


def test_a_value_that_cannot_be_stored_may_be_used_in_its_turn() -> None:
    tree = "dialog: [{condition: true, response: '{% set slots.now = utc_time %}{{ slots.now.hour }}'}]"
    assert said(run(tree, "x")) == [{"text": "9"}]


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ("(1, (2, 3))", "[1, [2, 3]]"),
        ("{2: 'a', none: 'b', true: 'c', 1.5: 'd'}", "{'2': 'a', 'null': 'b', 'true': 'c', '1.5': 'd'}"),
        ("[none, 2.0, 'x']", "[None, 2.0, 'x']"),
        ("'<b>'|safe", "<b>"),
    ],
)
def test_what_comes_back_in_the_next_turn(value: str, back: str) -> None:
    first = f'dialog: [{{condition: true, response: "{{% set user.x = {value} %}}"}}]'
    state = run(first, "x").state
    assert said(run("dialog: [{condition: true, response: '{{ user.x }}'}]", "x", state)) == [{"text": back}]


def test_user_is_no_mapping_and_says_how_to_ask() -> None:
    tree = "dialog: [{condition: \"'x' in user\", response: x}]"
    with pytest.raises(TurnError, match=r"user is no list or mapping; ask for one variable: user.x is defined"):
        run(tree, "x")
    tree = "dialog: [{condition: true, response: \"{{ user.items is defined }} {{ slots['get'] is defined }}\"}]"
    assert say(tree, "x") == [["False False"]]


def test_an_endless_jump_names_the_labels() -> None:
    tree = """
dialog:
  - {condition: true, label: ping, response: '<jump_to node="pong" transition="response"/>'}
  - {condition: true, label: pong, response: '<jump_to node="ping" transition="condition"/>'}
"""
    with pytest.raises(TurnError, match=r"the turn does not end: 500 nodes have run, the last ones are .*ping → pong"):
        run(tree, "x")


def test_250_jumps_are_no_circle() -> None:
    tree = """
dialog:
  - condition: true
    label: count
    response: |
      {% set slots.n = slots.n|default(0) + 1 %}
      {% if slots.n < 250 %}<jump_to node="count" transition="response"/>{% endif %}{{ slots.n }}
"""
    assert say(tree, "x") == [["250"]]


def test_a_request_that_nobody_answers_changes_nothing() -> None:
    quiet = ASKING.replace("{condition: rpc.ping, response: pong}", "{condition: rpc.pong, response: pong}")
    assert say(quiet, "order", {"method": "ping"}, "1") == [["How many?"], [], ["Which colour?"]]
    assert say(ASKING, "order", {"method": "ping"}, "hm") == [["How many?"], ["pong", "How many?"], ["One or two."]]


def test_what_was_visited() -> None:
    visited = run(ASKING, "hm", run(ASKING, "order").state).visited
    assert [event["type"] for event in visited.events] == [
        "node_triggered",
        "digression_from",
        "node_triggered",
        "not_found",
    ]
    assert visited.events[-1]["payload"] == {"slot": "plates"}
    [walk] = visited.walks
    assert walk.found is None
    assert walk.conditions == [
        "message.text == 'order'",
        "message.text == 'riddle'",
        "message.text == 'fail'",
        "rpc.ping",
    ]
    answered = run(ASKING, "riddle").visited
    assert answered.events == [
        {"type": "node_triggered", "payload": {"node": {"condition": "message.text == 'riddle'", "label": "riddle"}}},
        {
            "type": "response",
            "payload": {
                "node": {"condition": "message.text == 'riddle'", "label": "riddle"},
                "control_command": {"followup": {}},
            },
        },
    ]
    assert answered.walks[0].conditions == ["message.text == 'order'", "message.text == 'riddle'"]


def test_the_journal_hears_of_assignments_and_logs() -> None:
    tree = """
dialog:
  - condition: true
    response: |
      {% set user.a, slots.b = 1, 2 %}{% delete user.c %}{% debug user.a, 'x' %}{% warning 'careful' %}
"""
    visited = run(tree, "x", {"user": {"c": 1}}).visited
    assert visited.events[2:] == [
        {"type": "assign", "payload": {"user": "a", "value": 1}},
        {"type": "assign", "payload": {"slots": "b", "value": 2}},
        {"type": "delete", "payload": {"user": "c"}},
        {"type": "log", "payload": {"level": "DEBUG", "message": (1, "x")}},
        {"type": "log", "payload": {"level": "WARNING", "message": "careful"}},
        {"type": "delete", "payload": {"slots": "b"}},
    ]


@pytest.mark.parametrize(
    "response",
    [
        "<prompt_again/>",
        '<jump_to node="nowhere" transition="response"/>',
        '<jump_to node="x" transition="never"/>',
        '<jump_to node="x"/>',
        "<end>now</end>",
        "<Listen/>",
        "<b>bold</b>",
        "a < b",
        "{% set message.text = 'x' %}",
        "{% delete message.text %}",
        "{% set user.x = none %}",
        "{% set user.x = nobody %}",
        "{{ user|length }}",
        "{% for name in user %}{% endfor %}",
    ],
)
def test_errors_of_a_response(response: str) -> None:
    tree = f"dialog:\n- condition: true\n  label: x\n  response: |\n    {response}\n"
    with pytest.raises(TurnError, match=r"^<inline>:"):
        run(tree, "x")


def test_a_failed_turn_tells_the_journal_how_far_it_came() -> None:
    tree = "dialog: [{condition: true, label: x, response: '{% set user.a = 1 %}{{ nobody }}'}]"
    with pytest.raises(TurnError) as caught:
        run(tree, "x")
    types = [event["type"] for event in caught.value.visited.events]
    assert types == ["node_triggered", "response", "assign"]


def test_texts_know_their_markup_where_nobody_stores_them() -> None:
    bot = MaxBot.inline("dialog: [{condition: true, response: '<text>a <b>b</b></text>'}]")
    [command] = bot.process_message("x")
    assert command == {"text": "a b"}
    assert [style.style for style in command["text"].formats] == ["bold"]
    assert type(said(run(bot, "x"))[0]["text"]) is str


def test_who_changes_a_reply_changes_no_later_one() -> None:
    bot = MaxBot.inline("dialog: [{condition: true, response: '<image url=\"http://example.org/\"/>'}]")
    bot.process_message("x")[0]["image"]["url"] = "changed"
    assert bot.process_message("x") == [{"image": {"url": "http://example.org/"}}]
