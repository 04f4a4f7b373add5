"""Facts of the language's reference that no recorded conversation shows."""

from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import RpcError, TurnError


def say(bot: MaxBot | str, *texts: str | dict[str, Any]) -> list[Any]:
    """Return the texts that are answered, `error` for a turn that fails; a mapping is a request."""
    bot = MaxBot.inline(bot) if isinstance(bot, str) else bot
    answers: list[Any] = []
    for text in texts:
        try:
            turn = bot.process_message(text) if isinstance(text, str) else bot.process_rpc(text)
        except TurnError:
            answers.append("error")
        else:
            answers.append(" | ".join(command["text"] for command in turn))
    return answers


JUMPS = """
rpc: [{method: ping}]
dialog:
  - condition: message.text == 'away'
    label: away
    response: Away. <jump_to node="there" transition="response"/> {% set slots.behind = 1 %}
    followup: [{condition: message.text == 'in', response: never}]
  - condition: false
    label: there
    response: There {{ slots.behind }}.
  - condition: message.text == 'wait'
    response: Waiting. <jump_to node="root" transition="listen"/>
  - condition: message.text == 'nowhere'
    label: nowhere
    response: Nowhere. <jump_to node="last" transition="condition"/>
  - {condition: message.text == 'left', response: Left.}
  - {condition: message.text == 'root', label: root, response: Root.}
  - condition: message.text == 'topic'
    label: topic
    response: "{{ 'Again: ' if returning }}Topic?"
    followup:
      - {condition: message.text == 'deep', response: 'Deep? <jump_to node="inner" transition="listen"/>'}
      - condition: message.text == 'inner'
        label: inner
        settings: {after_digression_followup: never_return}
        response: Inner.
      - {condition: message.text == 'right', response: Right.}
      - {condition: message.text == 'nowhere', response: 'No. <jump_to node="last" transition="condition"/>'}
      - {condition: message.text == 'try', label: try, response: 'Try. <followup/>'}
  - {condition: message.text == 'last', label: last, response: 'Last.{{ returning }}'}
"""


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (["away", "in"], ["Away. | There 1.", ""]),  # who jumps away does not wait
        (["wait", "left", "left"], ["Waiting.", "", "Left."]),  # what stands left of a root target is not tried
        (["wait", {"method": "ping"}, "root", "root"], ["Waiting.", "", "Root.", "Root."]),
        (["wait", "root"], ["Waiting.", "Root."]),
        (["nowhere", "left"], ["Nowhere.", "Left."]),
        (["topic", "deep", "right"], ["Topic?", "Deep?", "Right."]),
        (["topic", "deep", "left", "right"], ["Topic?", "Deep?", "Left.", ""]),
        (["topic", "deep", "hm", "right"], ["Topic?", "Deep?", "", ""]),  # never_return of the target
        (["topic", "deep", {"method": "ping"}, "right"], ["Topic?", "Deep?", "", "Right."]),
        (
            ["topic", "try", "try"],
            ["Topic?", "Try.", ""],
        ),  # <followup/> that finds nothing waits, and its node does not
        (["topic", "left", "hm", "right"], ["Topic?", "Left. | Again: Topic?", "Again: Topic?", "Right."]),
    ],
)
def test_jumps(said: list[Any], answers: list[str]) -> None:
    assert say(JUMPS, *said) == answers


NESTED = """
dialog:
  - condition: message.text == 'one'
    label: one
    response: "One{{ ' again' if returning }}?"
    followup:
      - {condition: message.text == 'two', response: '<jump_to node="two" transition="response"/>'}
      - {condition: message.text == 'end', response: End. <end/>}
      - {condition: message.text == 'yes', response: Yes.}
  - condition: message.text == 'two'
    label: two
    response: "Two{{ ' again' if returning }}?"
    settings: {after_digression_followup: never_return}
    followup:
      - {condition: message.text == 'yes', response: Yes two.}
      - {condition: message.text == 'leaf', response: Leaf. <listen/>}
  - {condition: message.text == 'price', response: "Ten{{ ', by the way' if digressing }}."}
  - {condition: message.text == 'text', response: "<text>one<listen/></text>"}
  - {condition: message.text == 'behind', response: "End. <end/>{{ nobody }}"}
  - {condition: message.text == 'catch' and not digressing, response: Caught.}
"""


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (["one", "price", "yes"], ["One?", "Ten, by the way. | One again?", "Yes."]),
        (["one", "one", "yes"], ["One?", "One again?", "Yes."]),
        (["one", "end", "yes"], ["One?", "End.", ""]),
        (["two", "hm", "yes"], ["Two?", "", ""]),
        (["two", "price", "yes"], ["Two?", "Ten, by the way.", ""]),
        (["one", "two", "leaf", "yes"], ["One?", "Two?", "Leaf.", ""]),  # `two` was chosen: `one` waits no more
        (["one", "catch"], ["One?", "One again?"]),
        (["text", "price"], ["one", "Ten."]),
        (["behind"], ["error"]),
    ],
)
def test_digressions(said: list[Any], answers: list[str]) -> None:
    assert say(NESTED, *said) == answers


SLOTS = """
dialog:
  - condition: message.text == 'go'
    label: go
    slot_filling:
      - name: a
        check_for: slot_in_focus and message.text
        value: none if message.text == 'none' else message.text
        prompt: A?
        found: |
          A is {{ current_value }}, was {{ previous_value }}.
          {% if slots.a == 'end' %}<response/> never{% endif %}
      - name: b
        check_for: message.text == 'end' or (slot_in_focus and message.text)
        condition: slots.a != 'skip'
        prompt: B? {% if slots.a == 'enough' %}<response/>{% endif %}
        found: B too.
    slot_handlers:
      - {condition: not message.text, response: "{% set slots.a = 'picture' %}Nice."}
      - {condition: message.text == 'set', response: never}
    response: "{{ slots.a|default('no a') }} {{ slots.b|default('no b') }}"
    followup: [{condition: message.text == 'more', response: More.}]
"""


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (["go", "x", "y", "more"], ["A?", "A is x, was None. | B?", "B too. | x y", "More."]),
        (["go", "none", "x"], ["A?", "A is None, was None. | A?", "A is x, was None. | B?"]),
        (["go", "end"], ["A?", "A is end, was None. | B too. | end True"]),
        (["go", "skip"], ["A?", "A is skip, was None. | skip no b"]),
        (["go", "enough"], ["A?", "A is enough, was None. | B? | enough no b"]),
    ],
)
def test_slots(said: list[Any], answers: list[str]) -> None:
    assert say(SLOTS, *said) == answers


def test_a_handler_may_fill_a_slot() -> None:
    bot = MaxBot.inline(SLOTS)
    bot.process_message("go")
    picture = bot.process_message({"image": {"url": "http://example.org/a.png"}})
    assert picture == [{"text": "Nice."}, {"text": "B?"}]


TWICE = """
dialog:
  - condition: message.text == 'go'
    label: go
    slot_filling:
      - {name: x, check_for: message.text == 'first', prompt: One?, not_found: first}
      - {name: x, check_for: slot_in_focus and message.text == 'yes', prompt: Two?, not_found: second <prompt_again/>}
    response: "{{ slots.x }}"
"""


def test_of_two_slots_of_one_name_the_second_says_that_nothing_was_found() -> None:
    assert say(TWICE, "go", "hm", "yes") == ["One?", "second | One?", "True"]


def subtree_bot(folder: Path, guard: str, main: str, nodes: str) -> MaxBot:
    (folder / "dialog").mkdir()
    (folder / "bot.yaml").write_text("rpc: [{method: ping}]\n")
    (folder / "dialog.yaml").write_text(main)
    (folder / "dialog" / "sub.yaml").write_text(f"name: sub\nguard: {guard}\nnodes:\n{nodes}")
    return MaxBot.from_directory(folder)


MAIN = """
- {condition: message.text == 'first', response: "{% set user.open = true %}First."}
- {condition: message.text == 'shut', response: "{% delete user.open %}Shut."}
- {condition: message.text == 'jump', response: '<jump_to node="inside" transition="response"/>'}
- {condition: message.text == 'right', response: '<jump_to node="inside" transition="condition"/>'}
- subtree: sub
- {condition: message.text == 'last', response: Last.}
"""
NODES = """
- condition: message.text == 'inside'
  label: inside
  response: Inside?
  followup: [{condition: message.text == 'yes', response: Yes.}]
- {condition: message.text == 'sibling', response: Sibling.}
"""


def test_subtrees(tmp_path: Path) -> None:
    bot = subtree_bot(tmp_path, "user.open", MAIN, NODES)
    assert say(bot, "inside", "first", "inside", "yes") == ["", "First.", "Inside?", "Yes."]
    assert say(bot, "inside", "shut", "yes") == ["Inside?", "Shut. | Inside?", "Yes."], "what waits asks no guard"
    assert say(bot, "inside", "jump", "yes") == ["", "Inside?", "Yes."], "a jump asks no guard"
    assert say(bot, "last", "right") == ["Last.", ""], "what follows the reference is no right sibling"


def test_an_error_in_a_guard_concerns_the_nodes_behind_it(tmp_path: Path) -> None:
    bot = subtree_bot(tmp_path, "nobody.x", MAIN, NODES)
    assert say(bot, "first", "last") == ["First.", "error"]


def test_a_guard_does_not_see_digressing(tmp_path: Path) -> None:
    main = "- {condition: message.text == 'q', label: q, response: Q, followup: [{condition: false, response: x}]}\n"
    bot = subtree_bot(tmp_path, "digressing is not defined", main + "- subtree: sub\n", NODES)
    assert say(bot, "q", "sibling") == ["Q", "Sibling. | Q"]


@pytest.mark.parametrize("key", ["prompt", "found", "not_found"])
def test_returning_is_not_known_to_slots(key: str) -> None:
    tree = f"""
dialog:
  - condition: message.text == 'go'
    label: go
    slot_filling: [{{name: x, check_for: message.text == 'x', prompt: X?, {key}: "{{{{ returning }}}}"}}]
    response: Done.
"""
    said = {"prompt": ["go"], "found": ["go", "x"], "not_found": ["go", "hm"]}[key]
    assert say(tree.replace("prompt: X?, prompt", "prompt"), *said)[-1] == "error"


LIFE = """
rpc: [{method: ping}, {method: params, params: [{name: n}]}]
dialog:
  - {condition: message.text == 'wind', response: "{% set slots.turns = 1 %}Wound up. <listen/>"}
  - {condition: message.text == 'look', response: "{{ slots.turns|default('nothing') }}"}
  - {condition: rpc.method == 'params', response: "{{ params.n }} {{ rpc.params.n }} {{ rpc.request.method }}"}
  - {condition: message.text == 'rpc', response: "{{ 'yes' if rpc else 'no' }} {{ rpc.ping is defined }} {{ params }}"}
"""


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (["wind", "look", "look"], ["Wound up.", "1", "nothing"]),
        (["wind", "hm", "look"], ["Wound up.", "", "nothing"]),
        (["wind", {"method": "ping"}, "look"], ["Wound up.", "", "nothing"]),
        ([{"method": "params", "params": {"n": [1]}}], ["[1] [1] params"]),
        (["rpc"], ["no False {}"]),
    ],
)
def test_the_life_of_slots_and_requests(said: list[Any], answers: list[str]) -> None:
    assert say(LIFE, *said) == answers


@pytest.mark.parametrize(
    ("request_", "code", "data"),
    [
        (None, -32600, {"_schema": ["Invalid input type."]}),
        ([], -32600, {"_schema": ["Invalid input type."]}),
        ({}, -32600, {"method": ["Missing data for required field."]}),
        ({"method": 1}, -32600, {"method": ["Not a valid string."]}),
        ({"method": "ping", "id": 1}, -32600, {"id": ["Unknown field."]}),
        ({"method": "ping", "params": []}, -32600, {"params": ["Not a valid mapping type."]}),
        ({"method": "ping", "params": None}, -32600, {"params": ["Field may not be null."]}),
        ({"method": "ping", "params": {"a": None}}, -32600, {"params": {"a": {"value": ["Field may not be null."]}}}),
        ({"method": "pong"}, -32601, "pong"),
        ({"method": "ping"}, -32602, {"who": ["Missing data for required field."]}),
        ({"method": "ping", "params": {"who": 1, "b": 2}}, -32602, {"b": ["Unknown field."]}),
    ],
)
def test_refused_requests(request_: Any, code: int, data: Any) -> None:
    bot = MaxBot.inline("rpc: [{method: ping, params: [{name: who, required: true}]}]\ndialog: []")
    with pytest.raises(RpcError) as caught:
        bot.process_rpc(request_)
    assert (caught.value.code, caught.value.data) == (code, data)
    with pytest.raises(RpcError):
        bot.check_request(request_)


@pytest.mark.parametrize(
    "message",
    [
        {},
        None,
        1,
        {"text": 1},
        {"text": None},
        {"sound": {}},
        {"image": {}},
        {"image": {"url": "shop"}},
        {"image": {"url": "http://example.org", "size": "big"}},
        {"image": {"url": "http://example.org", "x": 1}},
    ],
)
def test_refused_messages(message: Any) -> None:
    with pytest.raises(TurnError):
        MaxBot.inline("dialog: [{condition: true, response: x}]").process_message(message)


def test_messages_are_converted() -> None:
    bot = MaxBot.inline("dialog: [{condition: true, response: '{{ message.image.size + 1 }} {{ message.text }}'}]")
    message = {"text": "", "image": {"url": "http://example.org", "size": "512", "caption": "c"}}
    assert bot.process_message(message) == [{"text": "513"}]


TWO_OF_ONE_NAME = """
dialog:
  - condition: message.text == 'go'
    label: go
    slot_filling:
      - {name: x, check_for: entities.number, prompt: First?, not_found: First is missing.}
      - {name: x, check_for: user.second, condition: user.second, prompt: Second?, not_found: Second is missing.}
    response: "{{ slots.x }}"
  - {condition: message.text == 'on', response: "{% set user.second = true %}"}
"""


def test_of_two_slots_of_one_name_the_last_enabled_one_says_what_is_missing() -> None:
    assert say(TWO_OF_ONE_NAME, "go", "hm") == ["First?", "First is missing."]
    off = TWO_OF_ONE_NAME.replace("check_for: user.second", "check_for: nobody")
    # It is the second slot that is silent then: the first one asks.
    assert say(off, "on", "go", "hm") == ["", "First?", "Second is missing. | First?"]


def test_an_entity_that_the_message_does_not_have_is_no_value_of_a_slot() -> None:
    bot = """
entities: [{name: tool, values: [{name: saw, phrases: [saw]}]}]
dialog:
  - condition: message.text
    label: go
    slot_filling: [{name: x, check_for: message.text, value: entities.tool, prompt: What?}]
    response: "{{ slots.x }}"
"""
    assert say(bot, "a saw") == ["saw"]
    with pytest.raises(TurnError, match=r"^<inline>:6: the slot 'x': its value is an entity that the message does not"):
        MaxBot.inline(bot).process_message("a hat")


def test_rpc_in_the_turn_of_a_message_is_false_and_has_nothing() -> None:
    bot = "dialog: [{condition: true, response: '{{ rpc.method }} {{ rpc.params }} {{ rpc.ping is defined }}'}]"
    assert say(bot, "hello") == ["None None False"]


PAYING = """
rpc: [{method: paid, params: [{name: sum}]}, {method: ping}]
dialog:
  - condition: message.text == 'order'
    label: order
    slot_filling:
      - {name: dish, check_for: "message.text in ['soup'] and message.text", prompt: Which dish?, not_found: No.}
      - {name: paid, check_for: rpc.paid, prompt: Please pay., found: "Thanks {{ current_value }}."}
      - {name: sum, check_for: params.sum}
    slot_handlers: [{condition: rpc.ping, response: Pong.}]
    response: "{{ slots.dish }} {{ slots.paid }} {{ slots.sum|default('-') }}"
  - {condition: rpc.paid, response: Too much.}
"""


def test_a_request_fills_a_slot() -> None:
    paid = {"method": "paid", "params": {"sum": 9}}
    assert say(PAYING, "order", {"method": "ping"}, "soup", "hm", paid, paid) == [
        "Which dish?",
        "Pong. | Which dish?",
        "Please pay.",
        "Please pay.",
        "Thanks True. | soup True 9",
        "Too much.",
    ]
    # It need not be the slot that was asked for.
    assert say(PAYING, "order", paid, "soup") == ["Which dish?", "Thanks True. | Which dish?", "soup True 9"]
    assert say(PAYING, "order", {"method": "paid"}, "soup") == [
        "Which dish?",
        "Thanks True. | Which dish?",
        "soup True -",
    ]
