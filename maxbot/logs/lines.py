"""How a record looks as text."""

import logging
import re
import time

from maxbot.logs.redact import Redactor

OWN_LINES = "maxbot.server.supervisor"
"""Loggers that say nothing of users, but where a worker hangs, or what is wrong with a bot's file: lines stay lines."""

# Besides C0 and C1: line and paragraph separators, and what changes the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Formatter(logging.Formatter):
    """Formats records as the head of this file shows.

    Args:
        redact: Takes the secrets out.
        process: Name of this process in the log (`worker-1`); empty for none.
    """

    def __init__(self, redact: Redactor, process: str = "") -> None:
        super().__init__()
        self._redact = redact
        self._process = f"{process} " if process else ""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        name = record.name.removeprefix("maxbot.")
        message, below = self._redact(record.getMessage()), ""
        if record.name.startswith(OWN_LINES):
            message, _, below = message.partition("\n")
        where = f"{self._process}{name}"
        text = f"{when}.{int(record.created % 1 * 1000):03}Z {record.levelname:<7} {where}: {escape(message)}"
        if below:
            text += self._below(below)
        if record.exc_info:
            text += self._below(self.formatException(record.exc_info))
        if record.stack_info:
            text += self._below(self.formatStack(record.stack_info))
        return text

    def _below(self, block: str) -> str:
        return "".join(f"\n    {escape(line)}" for line in self._redact(block).split("\n"))


def escape(text: str) -> str:
    """Return the text with its control characters and line breaks visible, as in Python: `\\n`, `\\x1b`."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
