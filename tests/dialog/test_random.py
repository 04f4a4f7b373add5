"""Random bots and conversations: no turn crashes, no state is one that the next turn cannot load, and nothing depends
on anything but what was said and remembered."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maxbot.bot import MaxBot
from maxbot.dialog.state import Kind
from maxbot.errors import RpcError, TurnError
from maxbot.types import Dialog, State, TurnResult
from tests.support import examples

ADA = Dialog("web", "ada")
NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
WORDS = ("a", "b", "c")
LABELS = tuple("jklmn")
SLOTS = ("x", "y")

CONDITIONS = [
    "message.text == 'a'",
    "message.text == 'b'",
    "message.text == 'c'",
    "message.text in ['a', 'b']",
    "message.text == 'a' and slots.y",
    "message.text == 'b' or rpc.call",
    "rpc.call",
    "true",
    "false",
    "not digressing",
    "user.u",
    "slots.x",
    "slots.x.y",
    "entities.number",
]
EFFECTS = [
    "said {{ returning }}",
    "{% set slots.x = 1 %}",
    "{% set user.u = message.text|default('') %}ok",
    "{% set user.u = [user.u] %}",
    "{% delete slots.x %}",
    "{{ slots.y }}",
    "<image url='http://example.org/'/>",
    "",
]
conditions = st.sampled_from(CONDITIONS)
effects = st.sampled_from(EFFECTS)
jumps = st.builds(
    '<jump_to node="{}" transition="{}"/>'.format,
    st.sampled_from([*LABELS, "nowhere"]),
    st.sampled_from(["response", "condition", "listen"]),
)


def scenario(*controls: str) -> st.SearchStrategy[str]:
    """Return responses that may hold one of these control commands."""
    return st.builds(" ".join, st.tuples(effects, st.sampled_from(["", "", *controls]))) | effects


responses = scenario("<listen/>", "<end/>", "<followup/>") | st.builds("{} {}".format, effects, jumps)


@st.composite
def slots(draw: st.DrawFn) -> dict[str, str]:
    slot = {"name": draw(st.sampled_from(SLOTS))}
    slot["check_for"] = draw(conditions | st.just("slot_in_focus and message.text") | st.just("entities.number"))
    optional = {
        "value": st.sampled_from(["none", "message.text", "entities.number", "nobody"]),
        "condition": conditions,
        "prompt": scenario("<listen_again/>", "<response/>"),
        "found": scenario("<move_on/>", "<prompt_again/>", "<listen_again/>", "<response/>"),
        "not_found": scenario("<prompt_again/>", "<listen_again/>", "<response/>"),
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            slot[key] = draw(values)
    return slot


@st.composite
def bots(draw: st.DrawFn) -> str:
    """Return the YAML of a bot: a tree of nodes of all kinds."""
    free = list(LABELS)

    def node(depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {"condition": draw(conditions), "response": draw(responses)}
        if not free or draw(st.integers(0, 3)) == 0:
            return made
        made["label"] = free.pop()
        if depth < 3 and draw(st.booleans()):
            made["followup"] = [node(depth + 1) for _ in range(draw(st.integers(0, 3)))]
        if draw(st.integers(0, 2)) == 0:
            made["slot_filling"] = draw(st.lists(slots(), max_size=3))
            handler = st.fixed_dictionaries(
                {"condition": conditions, "response": scenario("<move_on/>", "<response/>")}
            )
            made["slot_handlers"] = draw(st.lists(handler, max_size=2))
        if draw(st.booleans()):
            made["settings"] = {"after_digression_followup": draw(st.sampled_from(["allow_return", "never_return"]))}
        return made

    dialog = [node(0) for _ in range(draw(st.integers(0, 5)))]
    return yaml.safe_dump({"rpc": [{"method": "call"}], "dialog": dialog}, sort_keys=False)


messages = st.sampled_from([*WORDS, "hm", "7"]).map(lambda text: {"text": text})
said = messages | st.just({"image": {"url": "http://example.org/"}}) | st.just({"method": "call"})
conversations = st.lists(said, max_size=12)


async def turn(bot: MaxBot, what: dict[str, Any], state: State) -> TurnResult | str:
    try:
        if "method" in what:
            return await bot.run_request(what, ADA, state, NOW)
        return await bot.run_turn(what, ADA, state, NOW)
    except (TurnError, RpcError) as error:
        return str(error)


async def converse(bot: MaxBot, conversation: list[dict[str, Any]]) -> list[tuple[Any, State]]:
    """Return what was said (or the error), and the state after each turn."""
    state: State = {}
    course: list[tuple[Any, State]] = []
    for what in conversation:
        before = json.dumps(state)
        outcome = await turn(bot, what, state)
        assert json.dumps(state) == before, "a turn changes nothing that it is given"
        if isinstance(outcome, TurnResult):
            state = outcome.state
            check(state)
            state = json.loads(json.dumps(state))
            course.append((outcome.commands, state))
        else:
            state, _ = bot.after_failure(state)
            course.append((outcome, state))
    return course


def check(state: State) -> None:
    """Say whether the next turn can go on from here."""
    assert state == json.loads(json.dumps(state)), "what is stored is JSON"
    labels = [label for label, _ in state.get("waiting", [])]
    assert len(labels) == len(set(labels)), "a label waits once"
    assert all(label in LABELS and kind in set(Kind) for label, kind in state.get("waiting", []))
    assert all(state.get(key, True) for key in ("user", "slots", "waiting", "asked")), "what is empty is left out"


@settings(
    deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(bots(), bots(), conversations, conversations)
def test_random_bots_and_conversations(first: str, second: str, before: list[Any], after: list[Any]) -> None:
    bot = MaxBot.inline(first)
    course = asyncio.run(converse(bot, before))
    assert course == asyncio.run(converse(MaxBot.inline(first), before)), "the same input gives the same output"
    # The bot is replaced while people talk to it: whatever waits there, the new one goes on.
    state = course[-1][1] if course else {}
    new = MaxBot.inline(second)
    for what in after:
        outcome = asyncio.run(turn(new, what, state))
        if isinstance(outcome, TurnResult):
            check(outcome.state)
            state = outcome.state


values = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
keys = st.sampled_from(["user", "slots", "waiting", "asked", "failures", "j"])
anything = st.recursive(
    values, lambda item: st.lists(item, max_size=3) | st.dictionaries(keys, item, max_size=4), max_leaves=8
)


@settings(deadline=None, max_examples=examples(100))
@given(anything)
def test_any_state_can_be_loaded(value: Any) -> None:
    bot = MaxBot.inline(
        "dialog: [{condition: message.text == 'a', label: j, response: '{{ user.u is defined }}',"
        " followup: [{condition: slots.x, response: x}]}]"
    )
    state = value if isinstance(value, dict) else {"waiting": value, "asked": value, "user": value, "slots": value}
    outcome = asyncio.run(turn(bot, {"text": "a"}, state))
    assert isinstance(outcome, TurnResult), outcome
    json.dumps(bot.after_failure(state))
