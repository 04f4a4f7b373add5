from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.phrases import Phrases
from maxbot.nlu.tokens import tokenise, words


def found(text: str, *phrases: tuple[str, str]) -> list[tuple[str, str, int]]:
    index = Phrases(("e", value, words(phrase)) for value, phrase in phrases)
    return [(find.value, find.literal, find.start_char) for find in index.find(text, tokenise(text))]


def test_a_phrase_is_a_row_of_tokens() -> None:
    assert found("a Claw Hammer!", ("h", "claw hammer")) == [("h", "Claw Hammer", 2)]
    assert found("claw  hammer", ("h", "claw hammer")) == []
    assert found("step ladder", ("l", "step-ladder")) == []
    assert found("hand-saw", ("s", "saw")) == [("s", "saw", 5)]
    assert found("sawdust, hammers", ("s", "saw"), ("h", "hammer")) == []


def test_a_phrase_with_blanks_around_it_and_an_empty_one_match_no_word() -> None:
    assert found("a drill", ("d", " drill"), ("e", "")) == []


def test_overlapping_finds_come_by_their_end_the_longer_first() -> None:
    phrases = (("york", "york"), ("new", "new york"), ("state", "new york state"))
    assert found("new york state", *phrases) == [
        ("new", "new york", 0),
        ("york", "york", 4),
        ("state", "new york state", 0),
    ]


def test_a_value_counts_once_a_place_and_several_come_in_order_of_definition() -> None:
    assert found("red", ("b", "red"), ("a", "Red"), ("b", "RED")) == [("b", "red", 0), ("a", "red", 0)]


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.lists(st.sampled_from(["a", "b"]), min_size=1))
def test_every_place_is_found(message: list[str], phrase: list[str]) -> None:
    text = " ".join(message)
    places = [n for n in range(len(message)) if message[n : n + len(phrase)] == phrase]
    assert [start for _, _, start in found(text, ("v", " ".join(phrase)))] == [2 * n for n in places]
