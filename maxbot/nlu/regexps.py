"""Regular expressions of entities, with a limit on the time that they take."""

import logging
import re
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from maxbot.dialog.source import Source
from maxbot.nlu.entities import RecognizedEntity

SECONDS = 0.25
"""For all expressions of a bot on one message together."""

_log = logging.getLogger(__name__)

_ABOUT_WORDS = re.compile(r"\\[wWbB]")

# Stand for characters that the libraries do not agree on: one that is part of a word for both, one that is not.
_IN_WORD, _NOT_IN_WORD = "\N{FEMININE ORDINAL INDICATOR}", "\N{REFERENCE MARK}"

# An escape, or a brace that repeats nothing: for `re` that one is a character.
_BRACE = re.compile(r"(\\N\{[^}]*\}|\\.)|\{(?!(?:\d+(?:,\d*)?|,\d*)\})", re.DOTALL)


class Expression(NamedTuple):
    """A compiled expression and what it stands for."""

    entity: str
    value: str
    source: Source
    pattern: Any
    about_words: bool
    """Whether it depends on which characters are part of a word, and names none that are written otherwise."""


class Regexps:
    """The regular expressions of all entities."""

    def __init__(self, expressions: Iterable[tuple[str, str, Source]]) -> None:
        """Compile expressions.

        Args:
            expressions: Entity, value and expression, in order of definition.

        Raises:
            BotError: One cannot be compiled.
        """
        self._expressions = [
            Expression(entity, value, source, _compile(source), _is_about_words(source.text))
            for entity, value, source in expressions
        ]

    def find(self, text: str) -> list[RecognizedEntity]:
        """Return all finds, by definition and then position. An expression out of time finds nothing more."""
        until = time.monotonic() + SECONDS if self._expressions else 0
        about_words = not text.isascii() and any(each.about_words for each in self._expressions)
        in_words = _words_as_in_re(text) if about_words else text
        return [find for expression in self._expressions for find in _search(expression, text, in_words, until)]


def _search(expression: Expression, text: str, in_words: str, until: float) -> Iterator[RecognizedEntity]:
    searched = in_words if expression.about_words else text
    try:
        for match in expression.pattern.finditer(searched, timeout=max(until - time.monotonic(), 0.001)):
            start, end = match.span()
            if start < end:
                yield RecognizedEntity(expression.entity, expression.value, text[start:end], start, end)
    except TimeoutError:
        _log.warning(
            "the regular expression of %s.%s at %s took too long on a message of %d characters",
            expression.entity,
            expression.value,
            expression.source.place,
            len(text),
        )


def _compile(source: Source) -> Any:
    import regex  # only for bots that have some: `re` cannot be stopped

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of sets like `[[:a]`, which mean what they always meant
            re.compile(source.text)
        return regex.compile(_as_in_re(source.text), regex.VERSION0)
    except (re.error, regex.error, RecursionError, OverflowError) as error:
        raise source.error(f"the regular expression cannot be used: {error}") from None


def _as_in_re(pattern: str) -> str:
    """Write a pattern that `re` knows so that `regex` takes it for the same.

    There `a{e}` allows an error and `[[:alpha:]]` holds all letters: in `re` both hold the characters that they show.
    """
    return _BRACE.sub(lambda match: match[1] or r"\{", pattern).replace("[:", r"[\:")


def _is_about_words(pattern: str) -> bool:
    return pattern.isascii() and _ABOUT_WORDS.search(pattern) is not None


def _words_as_in_re(text: str) -> str:
    """Return a text of the same length in which words are what they are in `re`: letters and digits alone."""
    import regex

    stand_ins = {
        ord(char): _IN_WORD if char.isalnum() else _NOT_IN_WORD
        for char in set(text)
        if not char.isascii() and char.isalnum() != bool(regex.match(r"\w", char))
    }
    return text.translate(stand_ins) if stand_ins else text
