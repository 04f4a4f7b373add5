"""The log: one line a record, for people, without a secret in it.

    2026-05-04T09:30:00.123Z INFO    worker-1 delivery: turn done
        Traceback (most recent call last):
          ...

record ─▶ LogHandler ─▶ Repeats (left out and counted?) ─▶ Formatter ─▶ Redactor ─▶ Writer (a thread) ─▶ descriptor

Several processes write one file: each record is a single `write` to a descriptor opened for appending. What a user
said can neither begin a record nor colour a terminal, as control characters are escaped; the lines of a traceback
stay lines, and are indented.
"""

import logging
import os
from collections.abc import Sequence

from maxbot.errors import UsageError
from maxbot.logs.handler import LogHandler
from maxbot.logs.lines import Formatter, escape
from maxbot.logs.redact import HIDDEN, Redactor
from maxbot.settings import Settings

__all__ = ["HIDDEN", "QUIET_LIBRARIES", "Formatter", "LogHandler", "Redactor", "configure", "escape", "flush"]

QUIET_LIBRARIES = ("aiohttp", "alembic", "asyncio", "sqlalchemy", "uvicorn", "watchfiles")
"""Loggers that say too much below WARNING, unless everything is asked for."""

_STDERR = 2


def configure(settings: Settings, secrets: Sequence[str], process: str = "") -> None:
    """Send the log of this process where the settings say. A second call replaces the first.

    Args:
        settings: Of these, `logger`, `verbose` and `quiet`.
        secrets: Never reach the log, in whatever form they are logged.
        process: Name of this process in the log: `supervisor`, `worker-1`.

    Raises:
        UsageError: The file cannot be written, or `logger` is neither `console` nor `file:PATH`.
    """
    formatter = Formatter(Redactor(secrets), process)
    root = logging.getLogger()
    handler = next(
        (old for old in root.handlers if isinstance(old, LogHandler) and old.target == settings.logger), None
    )
    if handler is None:
        handler = LogHandler(settings.logger, _open(settings.logger), formatter)
        for old in [old for old in root.handlers if isinstance(old, LogHandler)]:
            root.removeHandler(old)
            old.close()
        root.addHandler(handler)
    handler.setFormatter(formatter)
    handler.limited = settings.verbose < 2
    own, others, libraries = _levels(settings.verbose, settings.quiet)
    root.setLevel(others)
    logging.getLogger("maxbot").setLevel(own)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(libraries)


def flush() -> None:
    """Wait until what was logged is written, before an end that nothing comes after: `os._exit`."""
    for handler in logging.getLogger().handlers:
        handler.flush()


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
        return _STDERR
    if kind != "file" or not path:
        raise UsageError(f"--logger is console or file:PATH, not {logger!r}")
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise UsageError(f"--logger: cannot write {path}: {error.strerror}") from None
