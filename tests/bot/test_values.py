import datetime
import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.bot.values import json_copy

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_json_values_are_copied_as_they_are(value: Any) -> None:
    copied = json_copy(value, "state")
    assert json.dumps(copied) == json.dumps(value)
    if isinstance(value, dict | list):
        assert copied is not value


def test_a_copy_shares_nothing() -> None:
    value: dict[str, Any] = {"list": [{"a": 1}]}
    copied = json_copy(value, "state")
    copied["list"][0]["a"] = 2
    assert value == {"list": [{"a": 1}]}


class Colour(StrEnum):
    RED = "red"


def test_tuples_become_lists_and_subclasses_of_str_texts() -> None:
    copied = json_copy({"a": (1, 2), "b": Colour.RED}, "state")
    assert copied == {"a": [1, 2], "b": "red"}
    assert type(copied["b"]) is str


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"when": datetime.date(2026, 1, 1)}, r"state\['when'\] is of type date"),
        ({"a": [1, {2}]}, r"state\['a'\]\[1\] is of type set"),
        ({"a": {1: 2}}, r"state\['a'\] has the key 1: keys of JSON are texts"),
        ({"a": float("nan")}, r"state\['a'\] is nan"),
        ({"a": float("inf")}, r"state\['a'\] is inf"),
        ({"a": b"x"}, "bytes"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\ud800": "a"}, "surrogate"),
        ({"a": CYCLE}, "contains itself"),
        ({"a": object()}, "object"),
    ],
)
def test_other_values_are_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        json_copy(value, "state")
