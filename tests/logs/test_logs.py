import json
import logging
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import maxbot
from maxbot import logs
from maxbot.errors import UsageError
from maxbot.logs import HIDDEN, QUIET_LIBRARIES, Formatter, LogHandler, Redactor, configure, escape
from maxbot.settings import Settings

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file for the log; the levels and handlers of `logging` are as before afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "maxbot", *QUIET_LIBRARIES)]
    levels = [logger.level for logger in loggers]
    handlers = logging.getLogger().handlers[:]
    yield tmp_path / "maxbot.log"
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogHandler):
            handler.close()
    logging.getLogger().handlers[:] = handlers


def read(log: Path) -> str:
    logs.flush()
    return log.read_text()


def to(log: Path, verbose: int = 0, quiet: int = 0) -> Settings:
    return Settings(logger=f"file:{log}", verbose=verbose, quiet=quiet)


def formatted(message: str, *args: object, secrets: list[str] | None = None) -> str:
    record = logging.LogRecord("maxbot.delivery", logging.INFO, __file__, 1, message, args, None)
    return Formatter(Redactor(secrets or [])).format(record)


def test_a_record_is_a_line(log: Path) -> None:
    configure(to(log), [], process="worker-1")
    logging.getLogger("maxbot.delivery").info("turn of %s done", "ada")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    worker-1 delivery: turn of ada done\n", read(log)
    )


def test_the_time_is_utc() -> None:
    record = logging.LogRecord("maxbot", logging.INFO, __file__, 1, "x", (), None)
    record.created = 1.0425
    assert Formatter(Redactor()).format(record) == "1970-01-01T00:00:01.042Z INFO    maxbot: x"


def test_a_traceback_follows_indented(log: Path) -> None:
    configure(to(log), [])
    try:
        raise ValueError("two\nlines\x1b[31m")
    except ValueError:
        logging.getLogger("maxbot.x").exception("failed")
    first, *below = read(log).splitlines()
    assert first.endswith("Z ERROR   x: failed")
    assert below[0] == "    Traceback (most recent call last):"
    assert below[-2:] == ["    ValueError: two", "    lines\\x1b[31m"]
    assert all(line.startswith("    ") for line in below)


def test_the_stack_follows_indented(log: Path) -> None:
    configure(to(log), ["geheim"])
    logging.getLogger("maxbot.x").info("here", stack_info=True)
    assert "\n    Stack (most recent call last):\n" in read(log)


@pytest.mark.parametrize("char", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e", "\u2066"])
def test_what_a_user_says_cannot_look_like_a_record(char: str) -> None:
    line = formatted("said %s", f"a{char}2026-01-01T00:00:00.000Z ERROR forged: b")
    assert char not in line
    assert len(line.splitlines()) == 1
    assert repr(char)[1:-1] in line


def test_what_the_supervisor_says_stays_in_lines() -> None:
    text = "bot.yaml:3:1: unknown key\n    dialgo: []\x1b[31m\n    ^"
    record = logging.LogRecord(
        "maxbot.server.supervisor.slot", logging.ERROR, __file__, 1, "It fails: %s", (text,), None
    )
    first, *below = Formatter(Redactor()).format(record).split("\n")
    assert first.endswith(": It fails: bot.yaml:3:1: unknown key")
    assert below == ["        dialgo: []\\x1b[31m", "        ^"]


def test_other_languages_stay_readable() -> None:
    assert escape("Grüße, 你好 🙂 \\n") == "Grüße, 你好 🙂 \\n"


def test_half_a_surrogate_pair_does_not_stop_the_log(log: Path) -> None:
    configure(to(log), [])
    logging.getLogger("maxbot.x").info("said %s", "\ud800")
    assert "said \\ud800" in read(log)


def test_a_secret_reaches_the_log_in_no_form(log: Path) -> None:
    secret = "pa ss/wörd:'\"&\\x"
    configure(to(log, verbose=2), [TOKEN, secret])
    logger = logging.getLogger("maxbot.channels")
    logger.info(f"token {TOKEN}")
    logger.info("as an argument %s %r", secret, {"password": secret})
    logger.info("in a URL https://api.telegram.org/bot%s/sendMessage?x=%s", TOKEN, urllib.parse.quote(secret))
    logger.info("quoted %s %s", urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret).lower())
    logger.info("as JSON %s %s", json.dumps(secret), json.dumps(secret, ensure_ascii=False))
    logger.info("as bytes %r", secret.encode())
    logger.info("quoted token %s", urllib.parse.quote(TOKEN, safe="").replace("%3A", "%3a"))
    try:
        try:
            raise ConnectionError(f"cannot reach https://api.telegram.org/bot{TOKEN}/getMe")
        except ConnectionError as error:
            raise RuntimeError({"secret": secret}) from error
    except RuntimeError:
        logger.exception("failed with %s", secret)
    text = read(log)
    assert text.count(HIDDEN) >= 13
    for canary in ("AAHdqTcv", "ss/w", "ss%2Fw", "ss%2fw", "rd:", "rd%3A", "rd%3a"):
        assert canary not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"bot{TOKEN}/getMe", "bot***/getMe"),
        ("token=vk1.a.AAAAAAAA-BBBBBBBB_CCCCCCCC&v=5", "token=***&v=5"),
        ("Bearer xoxb-123456789012-abcdefABCDEF.", "Bearer ***."),
        ("postgresql://ada:geheim@db:5432/bot", "postgresql://ada:***@db:5432/bot"),
        ("postgresql://ada:ge@h:eim@db/bot", "postgresql://ada:***@db/bot"),
        ("redis://:geheim@cache/0", "redis://:***@cache/0"),
        ("http://localhost:8080/a@b", "http://localhost:8080/a@b"),
        ("http://ada@example.com/", "http://ada@example.com/"),
        ("it is 12:30", "it is 12:30"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_unknown(text: str, expected: str) -> None:
    assert Redactor()(text) == expected


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["token", "token-of-ada", ""])("a token-of-ada, a token") == "a ***, a ***"


SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40)
FORMS = st.sampled_from(
    [str, repr, json.dumps, urllib.parse.quote, urllib.parse.quote_plus, lambda secret: urllib.parse.quote(secret, "")]
)


@given(secret=SECRETS, form=FORMS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_secret_survives_formatting(secret: str, form: type[str], before: str, after: str) -> None:
    assume(secret not in HIDDEN)
    shown = form(secret).strip("'\"")
    line = formatted("%s%s%s", before, form(secret), after, secrets=[secret])
    message = line.split(": ", 1)[1]
    assert secret not in message
    # The form may be spelled by what stands around it only if it is so short that it is no secret.
    assert shown not in message or shown in escape(before) + HIDDEN + escape(after)


@pytest.mark.parametrize(
    ("verbose", "quiet", "expected"),
    [
        (0, 0, {"maxbot.x": logging.INFO, "mybot": logging.INFO, "aiohttp.x": logging.WARNING}),
        (1, 0, {"maxbot.x": logging.DEBUG, "mybot": logging.INFO, "aiohttp.x": logging.WARNING}),
        (2, 0, {"maxbot.x": logging.DEBUG, "mybot": logging.DEBUG, "aiohttp.x": logging.DEBUG}),
        (0, 1, {"maxbot.x": logging.WARNING, "mybot": logging.WARNING, "sqlalchemy.engine": logging.WARNING}),
        (0, 2, {"maxbot.x": logging.ERROR, "mybot": logging.ERROR, "uvicorn.error": logging.ERROR}),
    ],
)
def test_levels(verbose: int, quiet: int, expected: dict[str, int], log: Path) -> None:
    configure(to(log, verbose=verbose, quiet=quiet), [])
    assert {name: logging.getLogger(name).getEffectiveLevel() for name in expected} == expected


def test_a_second_call_replaces_the_first(log: Path) -> None:
    configure(to(log), [], process="supervisor")
    configure(to(log), [], process="worker-1")
    logging.getLogger("maxbot.x").info("once")
    assert read(log).count("once") == 1
    assert "worker-1" in read(log)


def test_the_console_is_stderr(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure(Settings(), [])
    logging.getLogger("maxbot.x").info("hello")
    logs.flush()
    assert capfd.readouterr().err.endswith(" x: hello\n")


@pytest.mark.parametrize("logger", ["file:", "syslog", "file", "file:/nowhere/at/all.log", "file:/"])
def test_a_log_that_cannot_be_written_is_a_usage_error(logger: str) -> None:
    before = logging.getLogger().handlers[:]
    with pytest.raises(UsageError, match="--logger"):
        configure(Settings(logger=logger), [])
    assert logging.getLogger().handlers == before


def test_a_log_file_is_appended_to(log: Path) -> None:
    log.write_text("before\n")
    configure(to(log), [])
    logging.getLogger("maxbot.x").info("after")
    assert read(log).startswith("before\n2")


def test_records_of_several_processes_do_not_mix(log: Path) -> None:
    code = """
import logging, sys
from maxbot.logs import configure
from maxbot.settings import Settings
configure(Settings(logger=f"file:{sys.argv[1]}"), [], process=sys.argv[2])
for number in range(300):
    logging.getLogger("mybot.x").info("%s", sys.argv[2] * 500)
"""
    root = Path(maxbot.__file__).parent.parent
    workers = [subprocess.Popen([sys.executable, "-c", code, str(log), name], cwd=root) for name in ("a", "b", "c")]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    lines = read(log).splitlines()
    assert len(lines) == 900
    for line in lines:
        assert re.fullmatch(r"\S+Z INFO    ([abc]) mybot.x: \1{500}", line)


@pytest.mark.parametrize("character", ["x", "1", ":", "/", "@", "://", "://x:"])
def test_a_long_text_of_a_user_is_looked_through_once(character: str) -> None:
    text = character * 1_000_000  # what takes time by the square of its length never comes to its end
    assert Redactor(["secret"])(text) == text
