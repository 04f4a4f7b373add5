"""Keys spare evaluations, and never change which node answers."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined

from maxbot.bot import MaxBot
from maxbot.dialog.conditions import Condition
from maxbot.dialog.keys import Analyst, Key
from maxbot.dialog.source import Document, Place, Source
from maxbot.dialog.templates import Expression, Templates
from maxbot.errors import TurnError
from maxbot.types import Dialog
from tests.support import examples

PATHS = [
    *(
        "message.text",
        "message['text']",
        "message.image",
        "message.image.url",
        "message.button.payload",
        "message.items",
    ),
    *("user.a", "user.b", "user['items']", "slots.a", "slots.a.b", "params.p", "dialog.user_id", "utc_time.hour"),
    *("flag", "odd", "nobody", "nobody.x", "nobody['x']", "utc_time", "message", "user", "self", "missing"),
    *("intents.greet", "intents['part']", "intents.unknown", "intents.top", "intents.top.name", "intents.irrelevant"),
    *("entities.tool", "entities.tool.hammer", "entities['tool'].saw", "entities.tool.value", "entities.tool.literal"),
    *("entities.tool.nothing", "entities.number", "entities.number.value", "entities.nobody", "entities.nobody.x"),
    *("entities.latent_date", "entities.latent_date.value", "entities.all_objects", "entities.nobody.value"),
    *("rpc", "rpc.call", "rpc.method", "rpc.params", "rpc.other", "lipsum"),
]
CONSTANTS = ["'a'", "'A'", "'hello'", "'hammer'", "'call'", "'7'", "7", "2.5", "true", "none", "''", "1"]

paths = st.sampled_from(PATHS) | st.tuples(
    st.sampled_from(PATHS),
    st.sampled_from(
        [
            *(
                "|lower",
                "|trim",
                "|length",
                ".lower()",
                ".strip()",
                "|upper|lower",
                "|default('a')",
                "|d(7)|int",
                "|first",
            ),
            *("|int", "|float(2.5)", "|string", "|list", "|abs", "|round(1)", "|min", "|default('', true)|last"),
            *(".split()", ".split('l')[0]", "[:1]", "[1:]", "[:-1]", "[-1:]", "[::2]", ".get('b')", ".endswith('o')"),
            *(".strftime('%H')", ".date()", ".isdigit()", ".find('l', 1)", "|default(lipsum)", ".split(user.a)"),
        ]
    ),
).map("".join)
alternatives = st.tuples(st.sampled_from(PATHS), st.sampled_from(["'a'", "''", "7"])).map(
    lambda two: f"({' or '.join(two)})"
)
paths = paths | alternatives
constants = st.sampled_from(CONSTANTS)
lists = st.lists(constants, max_size=3).map(lambda items: f"[{', '.join(items)}]")
comparisons = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
texts = st.sampled_from(["'a'", "'h'", "'hello'", "''", "'mme'"])
tests = st.sampled_from(["defined", "undefined", "none", "string", "number", "not defined", "not none", "mapping"])
leaves = (
    paths
    | st.tuples(paths, comparisons, constants).map(" ".join)
    | st.tuples(constants, comparisons, paths).map(" ".join)
    | st.tuples(paths, comparisons, paths).map(" ".join)
    | st.tuples(paths, st.sampled_from(["in", "not in"]), lists).map(" ".join)
    | st.tuples(texts, st.sampled_from(["in", "not in"]), paths).map(" ".join)
    | st.tuples(paths, texts).map(lambda pair: f"({pair[0]}).startswith({pair[1]})")
    | st.tuples(paths, tests).map(" is ".join)
    | constants
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda one: f"(not {one})")
    ),
    max_leaves=4,
)

BOT = """
intents:
  - {name: greet, examples: [hello]}
  - {name: part, examples: [goodbye]}
entities: [{name: tool, values: [{name: hammer, phrases: [hammer]}, {name: saw, phrases: [saw]}]}]
rpc: [{method: call, params: [{name: p}]}, {method: other}]
dialog:
"""
NOW = datetime(2024, 5, 14, 7, tzinfo=UTC)


def source(text: str) -> Source:
    return Source(text, Place(Document("bot.yaml"), 1, 1), (1,))


class Odd:
    """Neither true nor false, and equal to nothing that can be said."""

    def __bool__(self) -> bool:
        raise ValueError("neither")

    def __eq__(self, other: object) -> bool:
        raise ValueError("perhaps")

    __hash__ = None  # type: ignore[assignment]


def answer(texts: list[str], what: dict[str, Any], state: dict[str, Any]) -> Any:
    nodes = "".join(f"  - {{condition: {json.dumps(text)}, response: '{place}'}}\n" for place, text in enumerate(texts))
    builder = MaxBot.builder()

    @builder.before_turn
    def names(ctx: Any) -> None:
        ctx.scenario.flag = "a"
        ctx.scenario.odd = Odd()

    builder.use_inline_resources(BOT + (nodes or "  []"))
    bot = builder.build()
    run = bot.run_request if "method" in what else bot.run_turn
    try:
        turn = asyncio.run(run(what, Dialog("web", "ada"), state, NOW))
    except TurnError as error:
        return error.message
    (walk,) = turn.visited.walks
    return turn.commands, len(walk.conditions)


said = st.sampled_from(["a", "A", "hello", "goodbye", "7", "hammer 7", "a saw in 2025", ""])
whats = (
    said.map(lambda text: {"text": text})
    | st.sampled_from([{"method": "call", "params": {"p": "a"}}, {"method": "other"}])
    | st.sampled_from([{"image": {"url": "http://example.org/a"}}, {"text": "a", "button": {"payload": "a"}}])
)
values = st.sampled_from(["a", "A", "", "hello", 7, 2.5, True, False, None, ["a"], {"b": "a"}, {}, "hammer"])
variables = st.dictionaries(st.sampled_from(["a", "b", "items"]), values)


@settings(deadline=None, max_examples=examples(400))
@given(st.lists(conditions, max_size=6), whats, variables, variables)
def test_keys_never_change_which_node_answers_or_what_fails(
    texts: list[str], what: dict[str, Any], user: dict[str, Any], slots: dict[str, Any]
) -> None:
    # `[...][0]` has no keys: such conditions are evaluated one after the other.
    state = {"user": user, "slots": slots}
    indexed = answer(texts, what, state)
    assert indexed == answer([f"[{text}][0]" for text in texts], what, state)


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        ("user.b|default('a') == 'a'", True),
        ("user.a|default('b', true) == 'b'", False),
        ("(user.b or 'a') == 'a'", True),
        ("message.text.split('l')[0] == 'he'", True),
        ("message.text[1:3] == 'el' and message.text[-1:] == 'o'", True),
        ("message.text|first == 'h' and message.text|last == 'o'", True),
        ("message.get('image') == none", True),
        ("user.n|default(0)|int(5) == 4", True),
        ("utc_time.strftime('%H') == '07'", True),
        ("message.text.endswith('llo')", True),
        ("message.text.endswith('x')", False),
    ],
)
def test_values_that_go_through_filters_are_read_as_they_are_evaluated(condition: str, answers: bool) -> None:
    given = ({"text": "hello"}, {"user": {"a": "a", "n": "4"}})
    assert keys_of(condition)
    assert (answer([condition], *given)[0] != []) is answers
    assert (answer([f"[{condition}][0]"], *given)[0] != []) is answers


def keys_of(text: str, *, options: dict[str, Any] | None = None) -> list[set[tuple[str, str, Any]]]:
    templates = Templates(options)
    condition = Condition(templates.expression(source(text)), Analyst(templates.expressions, {"greet"}, {"tool"}))
    return [{(shown(key), key.how.name, key.value) for key in keys} for keys in condition.alternatives]


def shown(key: Key) -> str:
    return "=" if key.look.read else f"{key.look.scope} {key.look.name}".strip()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("message.text == 'a'", [{("message text", "EQUAL", "a")}]),
        ("'a' == message['text']", [{("message text", "EQUAL", "a")}]),
        ("slots.a in ['a', 5]", [{("slots a", "EQUAL", "a"), ("slots a", "EQUAL", 5)}]),
        ("intents.greet or rpc.call", [{("intents greet", "TRUE", None), ("rpc call", "TRUE", None)}]),
        ("slots.x and intents.greet", [{("slots x", "TRUE", None)}, {("intents greet", "TRUE", None)}]),
        ("not slots.x and user.a", [{("user a", "TRUE", None)}]),
        ("user.a is defined", [{("user a", "DEFINED", None)}]),
        ("entities.tool.hammer", [{("values tool", "EQUAL", "hammer")}]),
        ("'a' in message.text", [{("message text", "HOLDS", "a")}]),
        ("greeting", [{("greeting", "TRUE", None)}]),
        ("false", [set()]),
        ("true", []),
        ("intents.unknown", [{("=", "TRUE", None)}]),
        ("message.text != 'a'", []),
        ("not intents.greet", []),
        ("namespace().x", []),
        ("user.a or namespace().x", []),
        ("namespace().x and user.a", []),
        ("user.a == user.b", []),
    ],
)
def test_the_keys_of_a_condition(text: str, keys: list[set[tuple[str, str, Any]]]) -> None:
    assert keys_of(text) == keys


def test_another_idea_of_what_is_undefined_has_no_keys() -> None:
    assert keys_of("user.a", options={"undefined": StrictUndefined}) == []


def test_a_walk_of_many_nodes_evaluates_few_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [
        "message.text|lower == 'w{}'",
        "'w{}' in message.text",
        "message.text.startswith('w{}')",
        "slots.step == 's{}'",
        "not user.done and message.text == 'w{}'",
        "message.button and message.button.payload == 'w{}'",
        "entities.tool.value == 'w{}'",
        "user.u{} and user.n > 3",
        "user.n > 1{} and intents.greet",
        "user.n < 18 and message.text == 'w{}'",
        "intents.greet and slots.x{}",
        "message.image and not slots.x{}",
        "user.u{} is defined or slots.u{} is defined",
        "message.text|default('') == 'w{}'",
        "(message.text or '').split()[0] == 'w{}'",
        "message.text[:3] == 'w{}'",
        "message.text.endswith('w{}')",
        "user.m|default(0)|int == 1{}",
        "message.get('text') == 'w{}'",
        "utc_time.strftime('%H') == 'w{}'",
    ]
    texts = [shapes[number % len(shapes)].replace("{}", str(number)) for number in range(600)]
    evaluated: list[str] = []
    original = Expression.evaluate

    def counted(self: Expression, scope: Any) -> Any:
        evaluated.append(self.source.text)
        return original(self, scope)

    monkeypatch.setattr(Expression, "evaluate", counted)
    found = answer([*texts, "message.text == 'what'"], {"text": "what"}, {"user": {"n": 4}})
    assert [command.content for command in found[0]] == [{"text": "600"}]
    assert evaluated == []


def test_intents_are_not_recognised_for_a_node_that_stands_before() -> None:
    tree = "intents: [{name: x, examples: [x]}]\ndialog:\n  - {condition: message.text == 'a', response: A}\n"
    bot = MaxBot.inline(tree + "  - {condition: intents.x, response: X}\n")
    turn = asyncio.run(bot.run_turn({"text": "a"}, Dialog("web", "ada"), {}))
    assert [command.content for command in turn.commands] == [{"text": "A"}]
    assert "ranking" not in vars(turn.visited.intents)
