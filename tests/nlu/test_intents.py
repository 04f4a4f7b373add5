import pytest

from maxbot.errors import TurnError
from maxbot.nlu.intents import IntentsResult, RecognizedIntent


def test_the_top_intent_answers_to_its_name() -> None:
    intents = IntentsResult.resolve([RecognizedIntent("b", 0.4), RecognizedIntent("a", 0.5)], definitions=["a", "b"])
    assert intents["a"] is intents.a is intents.top
    assert intents.b is None
    assert [intent.name for intent in intents.ranking] == ["a", "b"]
    assert not intents.irrelevant


def test_below_the_threshold_nothing_is_top() -> None:
    intents = IntentsResult.resolve([RecognizedIntent("a", 0.49)])
    assert intents.top is None
    assert intents.irrelevant
    assert intents.a is None
    assert len(intents.ranking) == 1


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    intents = IntentsResult.resolve([], definitions=["hello", "bye"])
    with pytest.raises(TurnError, match="no intent 'helo': did you mean 'hello'"):
        _ = intents.helo


def test_names_of_python_are_no_intents() -> None:
    assert not hasattr(IntentsResult.resolve([], definitions=[]), "__html__")


def test_an_intent_may_be_called_like_a_method_of_the_class() -> None:
    assert IntentsResult.resolve([RecognizedIntent("resolve", 1)], definitions=["resolve"]).resolve is not None
