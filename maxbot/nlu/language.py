"""What depends on the language that users write: how a text is cut, which numbers and dates it has."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from maxbot.nlu.dates.find import find_dates
from maxbot.nlu.entities import RecognizedEntity
from maxbot.nlu.numbers import find_numbers
from maxbot.nlu.tokens import Token, tokenise


class Language(NamedTuple):
    """The functions for a language."""

    tokenise: Callable[[str], list[Token]] = tokenise
    """The tokens of a text, in order."""
    find_numbers: Callable[[str, list[Token]], Iterable[RecognizedEntity]] = find_numbers
    """The numbers of a text and its tokens."""
    find_dates: Callable[[str, datetime], list[RecognizedEntity]] = find_dates
    """`date`, `time` and `latent_date` of a text, relative to a time."""

    def words(self, text: str) -> list[str]:
        """Return the tokens of a text in small letters."""
        return [token.text.lower() for token in self.tokenise(text)]


ENGLISH = Language()
