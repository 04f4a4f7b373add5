"""Where the records of `logging` come in."""

import logging
import time

from maxbot.logs.lines import Formatter
from maxbot.logs.repeats import Repeats
from maxbot.logs.writer import Writer

SILENCE = 60.0
"""Seconds between two complaints about records that cannot be formatted."""


class LogHandler(logging.Handler):
    """Formats records and hands them to a `Writer`.

    Args:
        target: Where it goes, as the option names it.
        descriptor: Open for appending; closed with the handler, but for stderr.
        formatter: Takes the secrets out.
    """

    def __init__(self, target: str, descriptor: int, formatter: Formatter) -> None:
        super().__init__()
        self.target = target
        self.limited = True
        """Whether repetitions are left out."""
        self.setFormatter(formatter)
        self._repeats = Repeats()
        self._writer = Writer(descriptor, self._own_line, self._tell_repeats)
        self._complained_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        known = self._repeats.pending
        if not self._is_limited(record) or self._repeats.passes(record):
            self._put(record)
        elif not known:
            self._writer.tick_soon()

    def _is_limited(self, record: logging.LogRecord) -> bool:
        ours = record.name == "maxbot" or record.name.startswith("maxbot.")
        return self.limited and ours and logging.INFO <= record.levelno < logging.CRITICAL

    def _put(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
        else:
            self._writer.put(_encode(line))

    def handleError(self, record: logging.LogRecord) -> None:
        """Say that a record cannot be formatted: nothing of what it holds, which may be secret, and not too often."""
        if time.monotonic() - self._complained_at < SILENCE:
            return
        self._complained_at = time.monotonic()
        self._writer.put(self._own_line(f"A record cannot be formatted: {record.pathname}, line {record.lineno}"))

    def _own_line(self, text: str) -> bytes:
        record = logging.LogRecord("maxbot.logs", logging.WARNING, __file__, 0, "%s", (text,), None)
        return _encode(self.format(record))

    def _tell_repeats(self, everything: bool = False) -> bool:
        if not self._repeats.pending:
            return False
        self.acquire()
        try:
            for record in self._repeats.due(everything):
                self._put(record)
            return self._repeats.pending
        finally:
            self.release()

    def flush(self) -> None:
        """Wait until what was logged is written, but not for a reader that does not read."""
        self._tell_repeats(everything=True)
        self._writer.flush()

    def close(self) -> None:
        self._tell_repeats(everything=True)
        self._writer.close()
        super().close()


def _encode(line: str) -> bytes:
    return f"{line}\n".encode("utf-8", "backslashreplace")
