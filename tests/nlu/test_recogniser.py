from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.entities import EntitiesResult
from maxbot.nlu.intents import IntentsResult
from maxbot.nlu.language import ENGLISH
from maxbot.nlu.recogniser import Recogniser, nothing_recognised
from tests.nlu.support import entity, intent, value
from tests.nlu.test_tokens import TEXTS

NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
RECOGNISER = Recogniser(
    [intent("hello", "hello there"), intent("bye", "good bye"), intent("hello", "hi")],
    [
        entity("tool", value("saw", "saw"), value("axe", "axe", regexps=("AXE-\\d",))),
        entity("tool", value("drill", "drill")),
        entity("number", value("few", "a few")),
    ],
)


def recognise(text: str) -> tuple[IntentsResult, EntitiesResult]:
    return RECOGNISER.recognise({"text": text}, NOW)


def values(text: str, name: str) -> list[object]:
    return list(recognise(text)[1][name].all_values)


def test_intents_of_one_name_are_one_with_all_examples() -> None:
    for text in ("hello there", "hi"):
        intents, _ = recognise(text)
        assert intents.top is not None
        assert intents.top.name == "hello"
    assert recognise("hi")[0].definitions == ("hello", "bye")


def test_entities_of_one_name_both_find_and_the_last_one_defines() -> None:
    assert values("saw and drill", "tool") == ["saw", "drill"]
    tool = recognise("nothing")[1].tool
    assert tool.drill is False
    assert not hasattr(tool, "saw")


def test_an_own_entity_comes_before_a_built_in_one_of_its_name() -> None:
    assert values("7 or a few", "number") == ["few", 7]
    assert not hasattr(recognise("nothing")[1].number, "few")


@pytest.mark.parametrize("name", ["number", "email", "url", "date", "time"])
def test_built_in_entities_are_there_in_every_text(name: str) -> None:
    proxy = recognise("nothing")[1][name]
    assert not proxy
    assert not hasattr(proxy, "value")
    assert not hasattr(recognise("nothing")[1], "latent_date")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("we need 3 tables tomorrow", [3]),
        ("tomorrow at 19:00 for 4 people", [4]),
        ("5 days", []),
        ("room 2024", []),
        ("between 20 and 30", []),
        ("between 20 and 30 or 25", [25]),
        ("3 or 4 May 2025", [3]),
        ("20 or 30", [20, 30]),
    ],
)
def test_a_number_inside_a_date_is_none(text: str, numbers: list[int]) -> None:
    assert values(text, "number") == numbers


def test_everything_in_its_order() -> None:
    _, entities = recognise("write to a@example.com AXE-1 tomorrow 3 at example.org saw")
    assert [(find.name, find.value) for find in entities.all_objects] == [
        ("tool", "saw"),
        ("tool", "axe"),
        ("date", "2024-05-15"),
        ("email", "a@example.com"),
        ("number", 3),
        ("url", "example.org"),
    ]
    assert [find.value for find in recognise("axe")[1].all_objects] == ["axe"]


@pytest.mark.parametrize("message", [{}, {"image": {"url": "http://example.org"}}, {"text": None}])
def test_without_a_text_every_intent_is_none_and_no_entity_is_there(message: dict[str, object]) -> None:
    for intents, entities in (RECOGNISER.recognise(message, NOW), nothing_recognised()):
        assert intents.anything is None
        assert intents.irrelevant
        assert not hasattr(entities, "number")
        assert entities.all_objects == ()


def test_only_what_is_asked_for_is_computed() -> None:
    def never(*_: object) -> list[object]:
        raise AssertionError("nobody asked for it")

    recogniser = Recogniser([intent("hi", "hi")], [], ENGLISH._replace(find_dates=never, find_numbers=never))  # type: ignore[arg-type]
    intents, entities = recogniser.recognise({"text": "hi a@example.com"}, NOW)
    assert intents.hi is not None
    assert entities.email.value == "a@example.com"
    with pytest.raises(AssertionError):
        _ = entities.number


@given(TEXTS | st.text("0123456789 ,./-:and", max_size=200))
def test_whatever_a_user_writes_is_only_a_value(text: str) -> None:
    intents, entities = recognise(text)
    assert len(intents.ranking) <= 2
    for find in entities.all_objects:
        assert text[find.start_char : find.end_char] == find.literal
        assert find in entities[find.name].all_objects
