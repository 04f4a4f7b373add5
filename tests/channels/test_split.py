"""Long texts are split where a reader would, by the platform's own count."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maxbot.channels.split import Limit, Measure, code_points, is_boundary, spans, split, utf8, utf16

GRAPHEMES = [
    "a", "Z", "9", ".", "!", " ", " ", "\n", "\n\n", "\t", "\u00a0", "。", "？", "…", "<", "&",
    "é", "e\u0301", "e\u0301\u0323", "क्षि", "กำ", "각", "\u1112\u1161\u11ab", "\r\n",
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇸🇰", "🇩🇪", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u0600٣", " \u0301",
]  # fmt: skip
"""What looks like one character each, whatever stands beside it."""

MEASURES: list[Measure] = [code_points, utf16, utf8]


def words(text: str) -> str:
    return "".join(text.split())


texts = st.lists(st.sampled_from(GRAPHEMES), max_size=80)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300) | texts.map("".join), st.integers(8, 60), st.sampled_from(MEASURES))
@example("a" * 60, 8, utf16)
@example("👨‍👩‍👧‍👦" * 10, 8, utf16)
@example("\n" * 50, 8, utf16)
@example("\U0001f468\u200d" * 40, 9, utf16)
def test_parts_hold_all_of_the_text_and_none_is_too_long_or_empty(text: str, size: int, measure: Measure) -> None:
    parts = split(text, Limit(size, measure))
    assert words("".join(parts)) == words(text)
    assert all(measure(part) <= size for part in parts)
    assert all(part.strip() for part in parts)


@settings(max_examples=500, deadline=None)
@given(texts, st.integers(30, 60))
@example(["🇸🇰"] * 20, 30)
@example(["👨‍👩‍👧‍👦"] * 10, 30)
@example(["e\u0301"] * 40, 31)
@example(["a"] * 20 + [" \u0301"] + ["a"] * 20, 30)
def test_nothing_that_looks_like_one_character_is_cut(graphemes: list[str], size: int) -> None:
    text = "".join(graphemes)
    ends, place = {0}, 0
    for grapheme in graphemes:
        place += len(grapheme)
        ends.add(place)
    for start, end in spans(text, Limit(size, utf16)):
        # Between two white spaces nothing can be seen to be cut.
        assert start in ends or text[start - 1].isspace()
        assert end in ends or text[end].isspace()


@pytest.mark.parametrize("grapheme", [one for one in GRAPHEMES if not one.isspace()])
def test_a_grapheme_has_no_boundary_inside(grapheme: str) -> None:
    text = f"x{grapheme}x" if unicodedata.category(grapheme[0]) != "Cf" else grapheme
    inside = range(text.index(grapheme) + 1, text.index(grapheme) + len(grapheme))
    assert not [place for place in inside if is_boundary(text, place)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two. Six.\n\nThree. Four", ["One. Two. Six.", "Three. Four"]),
        ("One two three\nfour five. six", ["One two three", "four five. six"]),
        ("One two three four. Five six", ["One two three four.", "Five six"]),
        ("One two three four five six", ["One two three four", "five six"]),
        ("a" * 25, ["a" * 20, "a" * 5]),
        ("a. " + "b" * 25, ["a.", "b" * 20, "b" * 5]),
        ("  short  ", ["short"]),
        ("fits", ["fits"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_where_a_text_is_cut(text: str, parts: list[str]) -> None:
    assert split(text, Limit(20)) == parts


def test_a_sentence_of_another_script_ends_without_a_space() -> None:
    assert split("今日は元気ですか。明日も元気", Limit(11)) == ["今日は元気ですか。", "明日も元気"]


def test_the_count_is_the_platforms() -> None:
    assert [measure("aé😀") for measure in MEASURES] == [3, 4, 7]
