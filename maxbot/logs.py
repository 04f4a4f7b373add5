"""The log: one line a record, for people, without a secret in it.

    2026-05-04T09:30:00.123Z INFO    worker-1 delivery: turn done
        Traceback (most recent call last):
          ...

Several processes write one file: each record is a single `write` to a descriptor opened for appending. What a user
said can neither begin a record nor colour a terminal, as control characters are escaped; the lines of a traceback
stay lines, and are indented.
"""

import json
import logging
import os
import re
import select
import sys
import time
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

from maxbot.errors import UsageError
from maxbot.settings import Settings

HIDDEN = "***"

QUIET_LIBRARIES = ("aiohttp", "alembic", "asyncio", "sqlalchemy", "uvicorn", "watchfiles")
"""Loggers that say too much below WARNING, unless everything is asked for."""

# https://core.telegram.org/bots/api#authorizing-your-bot
_TELEGRAM_TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
_URL_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:)[^\s/]+@")
# Besides C0 and C1: line and paragraph separators, and what changes the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_STDERR_PATIENCE = 1.0


class Redactor:
    """Replaces secrets in texts.

    Args:
        secrets: Are replaced wherever they occur, also as they look in a URL, in `repr()` and in JSON. Besides, bots'
            tokens of Telegram and passwords in URLs are recognised by their form.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        # The longest first: a secret may be the beginning of another one.
        ordered = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(_pattern(form) for form in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = _TELEGRAM_TOKEN.sub(HIDDEN, text)
        return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        quote(raw),
        quote(raw, safe=""),
        quote(raw, safe=":"),
        quote_plus(raw),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        repr(raw)[2:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _pattern(form: str) -> str:
    """Return a pattern of a secret's form, in which `%3A` is `%3a` as well."""
    parts = re.split(r"(%[0-9A-F]{2})", form)
    return "".join(f"(?i:{part})" if index % 2 else re.escape(part) for index, part in enumerate(parts))


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
        message = escape(self._redact(record.getMessage()))
        text = f"{when}.{int(record.created % 1 * 1000):03}Z {record.levelname:<7} {self._process}{name}: {message}"
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


class DescriptorHandler(logging.Handler):
    """Writes each record with one `write`, so that those of several processes do not mix.

    Args:
        descriptor: Open for appending; stays open.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except Exception:
            self.handleError(record)

    def _write(self, line: bytes) -> None:
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                # A terminal or pipe that somebody made non-blocking and nobody reads: the log must not stop the bot.
                if not select.select([], [self._descriptor], [], _STDERR_PATIENCE)[1]:
                    return


def configure(settings: Settings, secrets: Sequence[str], process: str = "") -> None:
    """Send the log of this process where the settings say. A second call replaces the first.

    Args:
        settings: Of these, `logger`, `verbose` and `quiet`.
        secrets: Never reach the log, in whatever form they are logged.
        process: Name of this process in the log: `supervisor`, `worker-1`.

    Raises:
        UsageError: The file cannot be written, or `logger` is neither `console` nor `file:PATH`.
    """
    handler = DescriptorHandler(_open(settings.logger))
    handler.setFormatter(Formatter(Redactor(secrets), process))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, DescriptorHandler)]:
        root.removeHandler(old)
        _close(old)
    root.addHandler(handler)
    own, others, libraries = _levels(settings.verbose, settings.quiet)
    root.setLevel(others)
    logging.getLogger("maxbot").setLevel(own)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(libraries)


def _levels(verbose: int, quiet: int) -> tuple[int, int, int]:
    """Return the levels of maxbot, of the bot's own loggers and of the libraries."""
    if quiet:
        level = logging.WARNING if quiet == 1 else logging.ERROR
        return level, level, level
    if verbose:
        return logging.DEBUG, *((logging.INFO, logging.WARNING) if verbose == 1 else (logging.DEBUG, logging.NOTSET))
    return logging.INFO, logging.INFO, logging.WARNING


def _open(logger: str) -> int:
    kind, _, path = logger.partition(":")
    if logger == "console":
        return sys.stderr.fileno()
    if kind != "file" or not path:
        raise UsageError(f"--logger is console or file:PATH, not {logger!r}")
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise UsageError(f"--logger: cannot write {path}: {error.strerror}") from None


def _close(handler: DescriptorHandler) -> None:
    handler.close()
    if handler._descriptor > 2:
        os.close(handler._descriptor)
