"""One trouble of many users is told a few times, and then counted."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

BURST = 30
"""Records of one line of our code that are written within `WINDOW`."""

WINDOW = 10.0
"""Seconds after which what was left out is counted and written."""


@dataclass
class _Place:
    """A line of code that logs."""

    since: float
    written: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None
    """Of those that were left out."""


class Repeats:
    """Says which records are written.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: dict[tuple[str, int], _Place] = {}
        self.pending = False
        """Whether something was left out that is still to be told."""

    def passes(self, record: logging.LogRecord) -> bool:
        """Whether to write a record; one that is not is counted."""
        now = self._clock()
        place = self._places.setdefault((record.pathname, record.lineno), _Place(now))
        if now - place.since >= WINDOW and not place.left_out:
            place.since, place.written = now, 0
        if place.written < BURST:
            place.written += 1
            return True
        place.left_out += 1
        place.last = record
        self.pending = True
        return False

    def due(self, everything: bool = False) -> list[logging.LogRecord]:
        """Return a record for each place whose window is over, and begin a new one there.

        Args:
            everything: Do not wait for the end of the windows.
        """
        now = self._clock()
        records = []
        for place in self._places.values():
            if place.last is not None and (everything or now - place.since >= WINDOW):
                records.append(_summary(place.last, place.left_out, now - place.since))
                place.since, place.written, place.left_out, place.last = now, 0, 0, None
        self.pending = any(place.left_out for place in self._places.values())
        return records


def _summary(last: logging.LogRecord, count: int, seconds: float) -> logging.LogRecord:
    text = "%d more like this in %.0f seconds: %s"
    arguments = (count, seconds, last.getMessage())
    return logging.LogRecord(last.name, last.levelno, last.pathname, last.lineno, text, arguments, None)
