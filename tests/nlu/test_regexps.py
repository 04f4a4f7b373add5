import logging
import re
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.errors import BotError
from maxbot.nlu.regexps import SECONDS, Regexps
from tests.nlu.support import regexp


def found(text: str, *patterns: str) -> list[tuple[str, str, int]]:
    expressions = Regexps(("e", f"v{n}", regexp(pattern)) for n, pattern in enumerate(patterns))
    return [(find.value, find.literal, find.start_char) for find in expressions.find(text)]


def test_an_expression_is_searched_in_the_text_as_it_was_written() -> None:
    assert found("see #one and #Two", r"#(\w)\w+") == [("v0", "#one", 4), ("v0", "#Two", 13)]
    assert found("Red red", "red", "(?i)RED") == [("v0", "red", 4), ("v1", "Red", 0), ("v1", "red", 4)]


def test_empty_matches_are_no_finds() -> None:
    assert found("axa", "x*") == [("v0", "x", 1)]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"(a|aa)+$", "a" * 80 + "b"), (r"\s+$", " " * 16_000 + "x"), (r"(b|ab|a)+$", "ab" * 80 + "x")],
)
def test_an_expression_that_takes_too_long_is_stopped_and_named(
    pattern: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    started = time.process_time()
    with caplog.at_level(logging.WARNING):
        assert found(text, *[pattern] * 20) == []
    assert "bot.yaml:1:1 took too long" in caplog.text
    assert text not in caplog.text
    # Together, not each: an expression gets a moment even when no time is left.
    assert time.process_time() - started < 20 * SECONDS


def test_an_expression_that_cannot_be_compiled_names_its_place() -> None:
    with pytest.raises(BotError, match="cannot be used") as error:
        found("x", "(")
    assert (error.value.file, error.value.line) == ("bot.yaml", 1)


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", "(?<=a+)b", "(?e)a", "(?R)", "(?V1)a", r"\400", "a{2,1}", "a{99999999999}"]
)
def test_what_python_does_not_know_is_refused(pattern: str) -> None:
    with pytest.raises(BotError, match="cannot be used"):
        found("x", pattern)


def test_an_expression_means_what_it_means_in_python() -> None:
    assert found("b a{e} a", "a{e}") == [("v0", "a{e}", 2)]
    assert found("b a:]", "[[:alpha:]]") == [("v0", ":]", 3)]
    assert found("a{i<=1}", "(?:a){i<=1}") == [("v0", "a{i<=1}", 0)]
    assert found("{e} aa1", "{e}", "a{2}", r"\N{DIGIT ONE}") == [("v0", "{e}", 0), ("v1", "aa", 4), ("v2", "1", 6)]


@pytest.mark.parametrize("pattern", [r"\w+", r"\W+", r"\b.+?\b", r"(?i)[^\W\d]+", r"\Bb", r"(?a)\w+"])
def test_words_are_those_of_python_in_any_script(pattern: str) -> None:
    text = "caf\u0065\u0301 x\u00b2b हिन्दी ⅷ ① \u203fb a\u200db 5\u0660 ªº"
    expected = [(match.group(), match.start()) for match in re.finditer(pattern, text) if match.group()]
    assert [find[1:] for find in found(text, pattern)] == expected


@given(st.text(max_size=12), st.sampled_from([r"\w+", r"\W", r"\b", r"\w\b", r"\B\w", r"[\w-]+\s", r"\d+\w"]))
def test_words_are_those_of_python_in_any_text(text: str, pattern: str) -> None:
    text = "".join(char for char in text if char not in "\x1c\x1d\x1e\x1f")  # control characters do not get here
    expected = [(match.group(), match.start()) for match in re.finditer(pattern, text) if match.group()]
    assert [find[1:] for find in found(text, pattern)] == expected


PARTS = (
    r"a|b|{e}|{|}|{1}|{1,}|{,2}|{,}|{1 }|{e<=1}|{i}|{}|[|]|[:|:]|[^|[[:alpha:]]|[:a|:|^|-|\\|\[|\{|\b|\d|(?:|(|)|?|*|+"
    "|(?x)|#| |\n|,|1"
)


@given(
    st.lists(st.sampled_from([*PARTS.split("|"), "|"]), max_size=8).map("".join),
    st.lists(st.sampled_from("ab{}e[]:1lph-^ #,i"), min_size=1, max_size=8).map("".join),
)
def test_any_expression_finds_what_it_finds_in_python(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            expected = [(match.group(), match.start()) for match in re.finditer(pattern, text) if match.group()]
        except (re.error, OverflowError):
            expected = None
    if expected is None:
        with pytest.raises(BotError):
            found(text, pattern)
    else:
        assert [find[1:] for find in found(text, pattern)] == expected
