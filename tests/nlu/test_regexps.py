import logging
import time

import pytest

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
