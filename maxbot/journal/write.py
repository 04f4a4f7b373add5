"""Where the journal goes: a terminal, or a file of records. Written by a thread, so that no turn waits for a disk."""

import json
import logging
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from maxbot.errors import UsageError
from maxbot.journal.console import lines
from maxbot.journal.record import FinishedTurn, Record, make_record
from maxbot.journal.redact import without_said
from maxbot.logs import Redactor
from maxbot.logs.writer import Writer
from maxbot.settings import Settings

logger = logging.getLogger(__name__)

STDOUT = "-"
"""What `--journal-file` calls the standard output."""

_STDOUT = 1

Shown = Callable[[Record], str]
"""Makes lines of a record; empty where nothing is to be said of it."""


def open_journal(settings: Settings, secrets: Iterable[str]) -> "Journal | None":
    """Return the journal of this process, None if nobody wants one.

    Args:
        settings: Of these, `journal_file`, `journal_output`, `journal_redact`, `verbose` and `quiet`.
        secrets: Never reach it.

    Raises:
        UsageError: The file cannot be written.
    """
    verbosity = settings.verbose - settings.quiet
    if verbosity < -1:
        return None
    if settings.journal_file is not None:
        descriptor = _STDOUT if settings.journal_file == STDOUT else _open(settings.journal_file)
        shown = as_yaml if settings.journal_output == "yaml" else as_json
        return Journal(descriptor, _only_errors(shown) if verbosity < 0 else shown, secrets, settings.journal_redact)
    if not os.isatty(_STDOUT):
        return None
    colours = "NO_COLOR" not in os.environ  # https://no-color.org
    return Journal(
        _STDOUT,
        lambda record: "".join(f"{line}\n" for line in lines(record, verbosity, colours=colours)),
        secrets,
        settings.journal_redact,
    )


def check_journal(settings: Settings) -> None:
    """See whether the journal can be written, before workers find out.

    Raises:
        UsageError: It cannot be.
    """
    if settings.journal_file not in (None, STDOUT):
        os.close(_open(settings.journal_file))


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise UsageError(f"--journal-file: cannot write {path}: {error.strerror}") from None


def as_json(record: Record) -> str:
    """Return a record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def as_yaml(record: Record) -> str:
    """Return a record as a document of YAML."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(record, Dumper=dumper, allow_unicode=True, sort_keys=False, width=120)) + "---\n"


def _only_errors(shown: Shown) -> Shown:
    def errors(record: Record) -> str:
        kept: Record = {key: record[key] for key in ("time", "dialog", "error") if key in record}
        return shown(kept) if "error" in kept else ""

    return errors


class Journal:
    """Writes a record for each turn. Never waits, and never fails: what cannot be written is dropped and said.

    Args:
        descriptor: Open for appending; closed with it, but for standard output.
        shown: Makes a text of a record.
        secrets: Are replaced in it.
        redact: Leave out what users said.
    """

    def __init__(self, descriptor: int, shown: Shown, secrets: Iterable[str], redact: bool) -> None:
        self._shown = shown
        self._without_secrets = Redactor(secrets)
        self._redact = redact
        self._writer = Writer(descriptor, self._own_line, lambda: False)

    def write(self, turn: FinishedTurn) -> None:
        """Write the record of a turn."""
        try:
            record = make_record(turn)
            text = self._shown(without_said(record, turn) if self._redact else record)
        except Exception:  # the turn is over, whatever its values make of it
            logger.exception("A turn of %s cannot be put into the journal", turn.dialog)
        else:
            if text:
                self._writer.put(self._without_secrets(text).encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Write what is left, if that is soon done."""
        self._writer.close()

    def _own_line(self, text: str) -> bytes:
        # In a file of records, what the writer has to say is one as well.
        time = datetime.now(UTC).isoformat()
        record: Record = {"time": time, "dialog": {"channel_name": "", "user_id": ""}, "error": {"message": text}}
        return self._shown(record).encode()
