import logging
import os
from pathlib import Path

import pytest

from maxbot.logs import repeats
from maxbot.logs.handler import LogHandler
from maxbot.logs.lines import Formatter
from maxbot.logs.redact import Redactor
from maxbot.logs.repeats import BURST, WINDOW, Repeats
from tests.support.processes import eventually


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(line: int, text: str = "no") -> logging.LogRecord:
    return logging.LogRecord("maxbot.x", logging.WARNING, "file.py", line, "said %s", (text,), None)


def test_what_is_left_out_is_counted_when_its_window_is_over() -> None:
    clock = Clock()
    known = Repeats(clock)
    assert [known.passes(record(1)) for _ in range(BURST + 7)] == [True] * BURST + [False] * 7
    assert not known.passes(record(1, "the last"))
    assert known.passes(record(2)), "another line of code is another trouble"
    assert known.pending
    assert known.due() == []
    clock.now += WINDOW
    (summary,) = known.due()
    assert summary.getMessage() == "8 more like this in 10 seconds: said the last"
    assert (summary.levelno, summary.name) == (logging.WARNING, "maxbot.x")
    assert not known.pending
    assert known.passes(record(1))


def test_a_quiet_place_begins_anew() -> None:
    clock = Clock()
    known = Repeats(clock)
    for _ in range(5):
        assert [known.passes(record(1)) for _ in range(BURST)] == [True] * BURST
        clock.now += WINDOW
    assert not known.pending


def test_the_count_is_written_though_nothing_more_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "WINDOW", 0.0)
    monkeypatch.setattr("maxbot.logs.writer.TICK", 0.01)
    log = tmp_path / "log"
    handler = LogHandler("file", os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), Formatter(Redactor()))
    monkeypatch.setattr(handler._repeats, "passes", lambda record, known=handler._repeats: _count(known, record))
    logger = logging.Logger("maxbot.x")
    logger.addHandler(handler)
    logger.warning("first")
    logger.warning("second")
    eventually(lambda: log.read_text().count("more like this"))
    handler.close()


def _count(known: Repeats, record: logging.LogRecord) -> bool:
    """As if its place had said too much already, but for the first."""
    if record.getMessage() == "first":
        return True
    known._places[(record.pathname, record.lineno)] = repeats._Place(0.0, BURST, 1, record)
    known.pending = True
    return False


@pytest.mark.parametrize(
    ("name", "level", "limited"),
    [
        ("maxbot.outbox.send", logging.WARNING, True),
        ("maxbot.outbox.send", logging.DEBUG, False),
        ("maxbot.x", logging.CRITICAL, False),
        ("mybot", logging.WARNING, False),
    ],
)
def test_the_bots_own_records_and_details_are_all_written(name: str, level: int, limited: bool, tmp_path: Path) -> None:
    log = tmp_path / "log"
    handler = LogHandler("file", os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), Formatter(Redactor()))
    logger = logging.Logger(name)
    logger.addHandler(handler)
    for _ in range(BURST * 2):
        logger.log(level, "once more")
    handler.close()
    written = [line for line in log.read_text().splitlines() if line.endswith(": once more") and "like" not in line]
    assert len(written) == (BURST if limited else BURST * 2)
