"""Keys spare evaluations, and never change which node answers."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.bot import MaxBot
from maxbot.dialog.conditions import Condition, Key
from maxbot.dialog.source import Document, Place, Source
from maxbot.dialog.templates import Templates
from maxbot.errors import TurnError
from maxbot.types import Dialog

CONDITIONS = [
    "message.text == 'a'",
    "message['text'] == 'b'",
    "message.text in ('a', 'c')",
    "message.text == 'a' or message.text == 'b'",
    "message.text == 'a' and nobody.x",
    "message.text == 'b' and user.x",
    "message.text == 'a' or user.x",
    "nobody.x or message.text == 'a'",
    "user.x and message.text == 'c'",
    "not message.text == 'a'",
    "intents.greet",
    "intents['part']",
    "intents.greet and message.text == 'hello'",
    "intents.greet or intents.part",
    "intents.unknown",
    "intents.top",
    "intents.irrelevant",
    "rpc.call",
    "rpc.method == 'call'",
    "rpc.method in ['call', 'other']",
    "rpc.params",
    "rpc",
    "false",
    "none",
    "true",
    "entities.number",
]
INTENTS = """
intents:
  - {name: greet, examples: [hello]}
  - {name: part, examples: [goodbye]}
rpc: [{method: call}, {method: other}]
dialog:
"""


def source(text: str) -> Source:
    return Source(text, Place(Document("bot.yaml"), 1, 1), (1,))


def answer(conditions: list[str], what: dict[str, Any]) -> Any:
    nodes = "".join(f'  - {{condition: "{text}", response: "{number}"}}\n' for number, text in enumerate(conditions))
    bot = MaxBot.inline(INTENTS + (nodes or "  []"))
    run = bot.run_request if "method" in what else bot.run_turn
    try:
        turn = asyncio.run(run(what, Dialog("web", "ada"), {}, datetime(2024, 5, 14, tzinfo=UTC)))
    except TurnError as error:
        return str(error).partition(": ")[2]
    return turn.commands


said = st.sampled_from(["a", "b", "c", "hello", "goodbye", "7"]).map(lambda text: {"text": text})
what = said | st.sampled_from([{"method": "call"}, {"method": "other"}, {"image": {"url": "http://example.org"}}])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(CONDITIONS), max_size=8), what)
def test_keys_never_change_which_node_answers(conditions: list[str], what: dict[str, Any]) -> None:
    # `(...) == 1 or ...` has no keys: such conditions are evaluated one after the other.
    plain = [f"nobody is defined or ({condition})" for condition in conditions]
    assert answer(conditions, what) == answer(plain, what)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("message.text == 'a'", {Key("text", "a")}),
        ("message.text in ['a', 'b']", {Key("text", "a"), Key("text", "b")}),
        ("intents.greet and slots.x", {Key("intent", "greet")}),
        ("intents.greet or rpc.call", {Key("intent", "greet"), Key("rpc", "call")}),
        ("false", set()),
        ("true", None),
        ("intents.unknown", None),
        ("intents.top", None),
        ("rpc.params", None),
        ("slots.x and intents.greet", None),
        ("message.text == user.name", None),
        ("message.text != 'a'", None),
        ("'a' in message.text", None),
        ("message.text == 5", None),
        ("not intents.greet", None),
    ],
)
def test_the_keys_of_a_condition(text: str, keys: set[Key] | None) -> None:
    assert Condition(Templates().expression(source(text)), {"greet"}).keys == keys


def test_intents_are_not_recognised_for_a_node_that_stands_before() -> None:
    tree = "intents: [{name: x, examples: [x]}]\ndialog:\n  - {condition: message.text == 'a', response: A}\n"
    bot = MaxBot.inline(tree + "  - {condition: intents.x, response: X}\n")
    turn = asyncio.run(bot.run_turn({"text": "a"}, Dialog("web", "ada"), {}))
    assert [command.content for command in turn.commands] == [{"text": "A"}]
    assert "ranking" not in vars(turn.visited.intents)
