import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.contractions import pieces_of_words
from maxbot.nlu.tokens import tokenise

RECORDED = [
    json.loads(line)
    for line in Path(__file__, "../recorded_tokens.txt").resolve().read_text("utf-8").splitlines()
    if not line.startswith("#")
]
PIECES = [
    "don't",
    "it",
    "5",
    "pm",
    ".",
    "..",
    ",",
    "(",
    ")",
    "'s",
    "-",
    "/",
    "🙂",
    "a.b",
    "@",
    " ",
    "\t",
    "\ud800",
    "\0",
]
TEXTS = st.text(st.characters(codec=None)) | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded[0])
def test_a_text_is_cut_as_bots_were_written_for(recorded: list[str]) -> None:
    text, *expected = recorded
    assert [token.text for token in tokenise(text)] == expected


@given(TEXTS)
def test_tokens_cover_the_text_but_for_single_blanks(text: str) -> None:
    end = 0
    for token in tokenise(text):
        assert token.text
        assert text[token.start : token.end] == token.text
        assert text[end : token.start] in ("", " ")
        end = token.end
    assert text[end:] in ("", " ")


def test_a_blank_is_a_separator_only_behind_a_token() -> None:
    assert [token.text for token in tokenise("  x  y z ")] == ["  ", "x", " ", "y", "z"]


def test_contractions_cover_their_words() -> None:
    for word, pieces in pieces_of_words().items():
        assert sum(pieces) == len(word)


@pytest.mark.parametrize(
    "piece",
    ["(", ".", "'", "a(", "a.", "1,", "a-", "@", "a@b.c", "1 ", "don't", "🙂", ":)", "US$", "1km", "\ud800"],
)
def test_the_work_grows_with_the_length_of_a_text(piece: str) -> None:
    assert work(tokenise, piece * 2000) < 2.5 * work(tokenise, piece * 1000)


def work(function: Callable[[str], Any], text: str) -> int:
    """Count the calls that a function makes."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        function(text)
    finally:
        sys.setprofile(None)
    return calls
