from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.intents import RecognizedIntent
from maxbot.nlu.ranking import SIMILARITY, Ranking
from maxbot.nlu.tokens import words

LISTS = st.lists(st.sampled_from("abcdef"), max_size=9)


def ranked(text: str, **examples: str) -> list[tuple[str, float]]:
    ranking = Ranking((name, words(example)) for name, example in examples.items())
    return [(intent.name, round(intent.confidence, 3)) for intent in ranking.rank(words(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("THE cat feed", [("a", 1.0)]),
        ("feed the cat!", [("a", 0.866)]),
        ("feed the black cat", [("a", 0.866)]),
        ("the cat", [("a", 0.816)]),
        ("cat", []),
        ("", []),
    ],
)
def test_similarity_is_a_share_of_tokens(text: str, expected: list[tuple[str, float]]) -> None:
    assert ranked(text, a="feed the cat", b="walk the dog") == expected


def test_confidence_is_divided_by_the_intents_left() -> None:
    assert ranked("feed the", a="feed the cat", b="feed the dog") == [("a", 0.408), ("b", 0.408)]
    assert ranked("feed the cat", a="feed the cat", b="feed the dog") == [("a", 1.0)]
    assert ranked("open now", a="open now", b="open now") == [("a", 0.5), ("b", 0.5)]


def test_an_empty_example_is_like_an_empty_message() -> None:
    assert ranked("", a="", b="x") == [("a", 1.0)]


@given(st.lists(st.tuples(st.sampled_from("xyz"), LISTS), max_size=12), LISTS)
def test_the_index_finds_what_comparing_with_each_example_finds(
    examples: list[tuple[str, list[str]]], message: list[str]
) -> None:
    best: dict[str, float] = {}
    for name, tokens in examples:
        similarity = alike(message, tokens)
        if similarity > SIMILARITY and similarity > best.get(name, 0):
            best[name] = similarity
    expected = sorted(best.items(), key=lambda pair: -pair[1])
    assert Ranking(examples).rank(message) == tuple(RecognizedIntent(n, s / len(best)) for n, s in expected)


def alike(first: list[str], second: list[str]) -> float:
    if not first or not second:
        return float(first == second)
    return float((Counter(first) & Counter(second)).total() / (len(first) * len(second)) ** 0.5)
