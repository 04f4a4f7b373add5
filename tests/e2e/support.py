"""What the tests of delivery share: a server with its database and its platform, what is left in it, the figures."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from maxbot.storage.prepare import open_backend
from tests.support.history import Bot, Verdict, check
from tests.support.load import Plan
from tests.support.processes import PATIENCE, Server, eventually
from tests.support.records import Call, LoadRecord, Sent
from tests.support.telegram import TelegramStandIn

"""Whether the counts are those of a release, rather than those of each commit."""

COUNTING = "tests.e2e.counting:bot"
ECHO = Path(__file__).with_name("echo.yaml")

TOKEN = "123456:token-of-a-bot-that-does-not-exist"
SECRET = "secret-of-the-webhook"

NASTY: dict[str, Any] = {"p_429": 0.05, "p_5xx": 0.04, "p_500_after": 0.01, "p_lost": 0.03}
"""A platform on a bad day: of 100 sends 5 are too many, 5 fail (one of them was delivered all the same), 3 are
delivered and their answers lost."""

NASTY_LOAD: dict[str, Any] = {"connections": 40, "repeated": 0.05, "out_of_order": 0.05, "secret": SECRET}


def serve(
    telegram: TelegramStandIn,
    folder: Path,
    *options: str,
    bot: str | Path = COUNTING,
    workers: int = 4,
    database: str | None = None,
    **settings: Any,
) -> Server:
    """Make a server with the database `bot.db` in a folder, or another one.

    Args:
        telegram: Its platform.
        folder: Gets database and log.
        options: Of the command line.
        bot: `COUNTING` or `ECHO`.
        workers: Their number.
        database: The URL of one on a server.
        settings: Of the counting bot: `replies=2` is E2E_REPLIES.
    """
    environment = {"E2E_API_URL": telegram.url, "E2E_TOKEN": TOKEN, "E2E_SECRET": SECRET}
    environment |= {f"E2E_{name.upper()}": str(value) for name, value in settings.items()}
    if database is not None:
        on_servers(folder, database)
    place = database or database_in(folder)
    return Server.maxbot(bot, folder / "log", *options, workers=workers, database=place, environment=environment)


_on_servers: dict[Path, str] = {}


def on_servers(folder: Path, database: str) -> None:
    """Remember where the database of a folder is."""
    _on_servers[folder] = database


def database_in(folder: Path) -> Path:
    return folder / "bot.db"


def _read(folder: Path, query: str) -> list[Any]:
    if url := _on_servers.get(folder):
        backend = open_backend(url, "process")
        engine = backend.engine()
        try:
            with engine.connect() as there:
                return [tuple(row) for row in there.execute(text(query))]
        finally:
            engine.dispose()
            backend.close()
    database = database_in(folder)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        return connection.execute(query).fetchall()


def counter(folder: Path, name: str) -> int:
    """Return one of the server's own counters."""
    rows = _read(folder, f"SELECT value FROM counters WHERE name = '{name}'")
    return int(rows[0][0]) if rows else 0


def waiting_replies(folder: Path) -> int:
    """Return how many replies are known not to be sent and wait for their time."""
    return int(_read(folder, "SELECT count(*) FROM outbox WHERE not_before IS NOT NULL")[0][0])


def pending(folder: Path) -> int:
    """Return how many updates and replies are still to be worked on."""
    query = "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM outbox)"
    return int(_read(folder, query)[0][0])


def assert_nothing_set_aside(folder: Path) -> None:
    """Check that no kill from outside made a dead letter of an innocent message: to `check` that looks like a loss."""
    letters = _read(folder, "SELECT dialog, kind, reason FROM dead_letters")
    assert not letters, letters


def wait_until_done(folder: Path, timeout: float = 300.0) -> None:
    """Wait until the server has nothing more to do; what it did all this time is for the history to tell."""

    def nothing_left() -> bool:
        left = pending(folder)
        assert not left, f"{left} updates and replies are still pending"
        return True

    eventually(nothing_left, timeout, pause=0.1)


def judge(telegram: TelegramStandIn, records: Iterable[LoadRecord], bot: Bot, **allowed: Any) -> Verdict:
    """Check that the promises were kept, everything was acknowledged, and something happened at all."""
    updates = [update for record in records for update in record.updates]
    verdict = check(updates, telegram.history(), bot, **allowed)
    print(f"\n  {verdict}")
    assert verdict.ok, str(verdict)
    assert verdict.acknowledged == verdict.answered == verdict.updates > 0, str(verdict)
    return verdict


def say(sentence: str) -> None:
    """Report a figure, for `pytest -s`."""
    print(f"\n  {sentence}")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share (0 to 1) of all are not above; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def spread(values: Sequence[float]) -> str:
    """Return the usual figures of a set of seconds, as milliseconds."""
    figures = [percentile(values, 0.5), percentile(values, 0.99), max(values, default=0.0)]
    return "p50 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms of {}".format(*(1000 * f for f in figures), len(values))


def reply_times(updates: Iterable[Sent], calls: Iterable[Call], bot: Bot) -> list[float]:
    """Return for each answered update the seconds from its first delivery (or when that was due) to its last reply."""
    replied: dict[str, float] = {}
    for call in calls:
        if call.chat and call.delivered:
            reply = bot.parse(call.text)
            if reply.index == bot.replies:
                replied.setdefault(reply.turn, call.arrived)
    return [replied[update.text] - update.due for update in updates if update.text in replied]


def plan(server: Server, **options: Any) -> Plan:
    """Make a plan for the load on a server, with its secret."""
    return Plan(**{"port": server.port, "secret": SECRET, **options})


def post(port: int, update: object, headers: dict[str, str]) -> int:
    """Deliver one update to a webhook and return the status."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/telegram", msgspec.json.encode(update), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def update_of(number: int, chat: int, text: str) -> dict[str, object]:
    """Return an update of Telegram."""
    person = {"id": chat, "first_name": "Ada"}
    message = {"message_id": number, "date": 1, "text": text, "from": person, "chat": person | {"type": "private"}}
    return {"update_id": number, "message": message}
