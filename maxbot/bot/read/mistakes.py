"""Collects all that is wrong with a bot: who mends one thing wants to know of the others."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from maxbot.dialog.source import Place
from maxbot.errors import BotError, Mistake

MISTAKE_LIMIT = 100
"""Mistakes that are kept; more of them are only counted."""

WORD_LIMIT = 80
"""Characters of a name that are shown."""

EXPECTED_LIMIT = 20
"""Names that are listed as expected."""

_VALUE = re.compile(r"(:\s+)\S.*")


class Mistakes:
    """The mistakes in the order in which they were found."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []
        self._unsaid = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Place, message: str) -> None:
        """Note a mistake with its place."""
        if len(self._found) < MISTAKE_LIMIT:
            self.take(place.error(message))
        else:
            self._unsaid += 1

    def add_unknown(self, place: Place, message: str, word: str, known: Iterable[str]) -> None:
        """Note a word that is not one of the known ones: the nearest of them is said."""
        # Looking for it takes a while, and somebody may have a hundred thousand of them.
        more = suggestion(word, known) if len(self._found) < MISTAKE_LIMIT else ""
        self.add(place, message + more)

    def take(self, error: BotError) -> None:
        """Note all mistakes of an error."""
        room = MISTAKE_LIMIT - len(self._found)
        self._found += error.mistakes[:room]
        self._unsaid += max(len(error.mistakes) - room, 0) + error.unsaid

    def take_all(self, others: "Mistakes") -> None:
        """Note what was noted elsewhere."""
        if others:
            self.take(BotError.of(others._found, others._unsaid))

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Show no values in the lines of the mistakes that are noted meanwhile: they may be tokens."""
        before = len(self._found)
        yield
        self._found[before:] = map(_without_values, self._found[before:])

    def raise_if_any(self) -> None:
        """Raise what was noted.

        Raises:
            BotError: There is a mistake; has all of them.
        """
        if self._found:
            raise BotError.of(self._found, self._unsaid)


def _without_values(mistake: Mistake) -> Mistake:
    above = tuple(_masked(line) for line in mistake.above)
    below = tuple(_masked(line) for line in mistake.below)
    return replace(mistake, source=_masked(mistake.source or ""), above=above, below=below)


def _masked(line: str) -> str:
    return _VALUE.sub(r"\1***", line, count=1)


def shown(text: str) -> str:
    """Return a text of the bot as it stands in a message."""
    return repr(text if len(text) <= WORD_LIMIT else f"{text[:WORD_LIMIT]}...")


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown word: what was meant probably, and what there is."""
    names = list(known)
    near = nearest(word, names)
    meant = f", did you mean {shown(near)}?" if near else ";"
    more = f", ... ({len(names)} in all)" if len(names) > EXPECTED_LIMIT else ""
    return f"{meant} expected: {', '.join(names[:EXPECTED_LIMIT])}{more}" if names else "; there is none"


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the known word that is most like this one, None if none is (`alike`: from 0 to 1)."""
    words = list(known)
    close = difflib.get_close_matches(word[:WORD_LIMIT], words, n=1, cutoff=alike)
    begun = [each for each in words if len(word) > 2 and each.startswith(word)]
    return next(iter(close or begun), None)
