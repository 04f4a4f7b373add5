"""YAML's commonest mistakes in words that say what to do: the parser's own speak of tokens."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from maxbot.dialog.source import Document

BRACES = "YAML reads {{ as a mapping: put the text into quotes or below a | (a condition is written without braces)"


class _Advice(NamedTuple):
    problem: str
    """A pattern of the parser's words."""
    line: str
    """A pattern of the text up to the place and behind it; the place itself is a NUL."""
    message: str


_QUOTED = r"[:\-] +(\"[^\"]*\"|'[^']*') *\x00"

_KEY = r"^\s*[\w-]+\x00:(\s|$)"

# The first that fits is told.
_ADVICE = [
    _Advice("", r"^\s*(- +)*([^\s#'\"][^#'\"]*: +|- +)?\{\x00?[{%]", BRACES),
    _Advice(r"'\\t'", "", "indent with spaces, not with tabs"),
    _Advice("found unexpected end of stream", "", "the quote is not closed"),
    _Advice("mapping values are not allowed", _KEY, "this line is indented otherwise than those it belongs to"),
    _Advice("mapping values are not allowed", "", "a text with ': ' in it is put into quotes or below a |"),
    _Advice("found unknown escape", "", r"in double quotes a backslash is written \\ ; single quotes keep it as it is"),
    _Advice("cannot start any token", "", "a text that begins with this character is put into quotes or below a |"),
    _Advice("expected alphabetic or numeric", "", "a text that begins with * or & is put into quotes or below a |"),
    _Advice("expected <block end>", _QUOTED, "nothing may follow a closing quote: put all of it inside"),
    _Advice("expected <block end>", "", "this line is indented otherwise than those it belongs to"),
    _Advice("could not find expected ':'", "", "a key has ': ' behind it, a long text is indented more than its key"),
    _Advice(r"expected ',' or '[\]}]'", "", "the bracket is not closed, or a text with , [ ] { } in it needs quotes"),
]  # fmt: skip


def syntax_message(document: Document, error: Any) -> str:
    """Return what to say of an error of PyYAML."""
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "")
    lines = document.lines
    line = lines[mark.line] if mark.line < len(lines) else ""
    marked = f"{line[: mark.column]}\x00{line[mark.column :]}"
    advice = next((advice.message for advice in _ADVICE if _fits(advice, problem, marked)), None)
    started = ""
    if error.context_mark is not None and error.context_mark.line != mark.line:
        started = f" (it started in line {error.context_mark.line + 1})"
    return f"{advice}{started}; YAML: {problem}" if advice else f"{problem}{started}"


def _fits(advice: _Advice, problem: str, line: str) -> bool:
    matches: Callable[[str, str], Any] = re.search
    return bool(matches(advice.problem, problem)) and bool(matches(advice.line, line))
