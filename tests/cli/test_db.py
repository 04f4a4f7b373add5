"""`maxbot db` as whoever runs the database uses it, on each kind of database."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from maxbot.storage.sqlite.claim import claim
from tests.cli.test_main import run
from tests.storage.support import MySQLPlace, PostgreSQLPlace, prepared


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not made yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    return (PostgreSQLPlace() if request.param == "postgresql" else MySQLPlace()).url


def test_a_database_is_made_shown_and_checked(url: str) -> None:
    upgraded = run("db", "upgrade", "--database", url)
    assert upgraded.returncode == 0, upgraded.stderr
    assert upgraded.stdout.endswith("has schema 0001\n")
    assert "has 0001; this release needs 0001" in run("db", "current", "--database", url).stdout
    checked = run("db", "check", "--json", "--database", url)
    facts = {fact["name"]: fact for fact in json.loads(checked.stdout)}
    assert {"version", "durability", "clock", "round trip", "schema"} <= set(facts)
    if not url.startswith("sqlite"):
        assert {"isolation", "read-only"} <= set(facts)
        # The tests' own servers wait for no disk.
        assert facts["durability"]["advice"] is not None
        assert checked.returncode == 1
    found = json.loads(run("db", "stats", "--json", "--database", url).stdout)
    assert {"inbox", "outbox", "dialogs", "dead_letters", "oldest in inbox, seconds"} <= set(found)


def test_all_schemas_are_listed() -> None:
    assert run("db", "history").stdout == "0001: The first schema.\n"


def test_a_file_in_use_is_not_upgraded(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom maxbot.storage.sqlite.claim import claim\n"
        "claim(pathlib.Path(sys.argv[1]), 0); print(1, flush=True); sys.stdin.read()"
    )
    path = tmp_path / "bot.db"
    prepared(path)
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        refused = run("db", "upgrade", "--database", f"sqlite:///{path}")
        other.kill()
    assert refused.returncode == 1
    assert "Another maxbot run" in refused.stderr
    claim(path, 5.0).release()


def test_a_newer_and_somebody_elses_database_are_refused(tmp_path: Path) -> None:
    prepared(tmp_path / "bot.db")
    connection = sqlite3.connect(tmp_path / "bot.db")
    connection.execute("UPDATE alembic_version SET version_num = '0009.0008'")
    connection.commit()
    newer = run("db", "upgrade", "--database", f"sqlite:///{tmp_path / 'bot.db'}")
    assert (newer.returncode, "newer release" in newer.stderr) == (1, True)
    connection.execute("UPDATE alembic_version SET version_num = 'ae1027a6acf'")
    connection.commit()
    connection.close()
    others = run("db", "check", "--database", f"sqlite:///{tmp_path / 'bot.db'}")
    assert (others.returncode, "belongs to something else" in others.stderr) == (1, True)
