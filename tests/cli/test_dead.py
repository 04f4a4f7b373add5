"""`maxbot dead` as an operator runs it, beside whoever else uses the database."""

import asyncio
import json
from pathlib import Path

import pytest

from maxbot.storage.store import Store
from tests.cli.test_main import run
from tests.storage.support import PostgreSQLPlace, opened, update
from tests.support.postgresql import PASSWORD, PostgreSQLServer


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database in which the two updates of a dialog were set aside and a third one waits."""

    async def scenario(store: Store) -> None:
        await store.accept([update(key) for key in ("first", "second", "third")])
        for number in (1, 2):
            await store.set_aside_update("telegram:1", number, "no such \x1b[31mtable\nat all", "Traceback\n  line 3")

    async def main() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await scenario(store)

    asyncio.run(main())
    return f"sqlite:///{tmp_path / 'bot.db'}"


def test_they_are_listed_and_shown_for_people_and_for_programs(database: str) -> None:
    listed = run("dead", "list", "--database", database)
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 2
    assert "telegram:1  no such \\x1b[31mtable\\nat all" in listed.stdout, "nothing said can colour a terminal"
    shown = run("dead", "show", "2", "--database", database).stdout
    assert '{"text": "second"}' in shown
    assert "      line 3" in shown
    (letter,) = json.loads(run("dead", "show", "2", "--json", "--database", database).stdout)
    assert (letter["id"], letter["content"]) == (2, {"text": "second"})
    assert run("dead", "list", "--dialog", "telegram:2", "--json", "--database", database).stdout == "[]\n"


def test_a_retry_says_behind_what_it_goes(database: str) -> None:
    retried = run("dead", "retry", "1", "--database", database)
    assert "1: update of telegram:1 is tried again, behind 1 that wait for its dialog" in retried.stdout
    again = run("dead", "retry", "1", "--database", database)
    assert "There is no dead letter 1" in again.stderr
    run("dead", "retry", "--all", "--database", database)
    assert run("dead", "list", "--database", database).stdout == "There are no dead letters\n"


def test_what_is_dropped_is_gone(database: str) -> None:
    assert "2: update of telegram:1 is gone" in run("dead", "drop", "2", "--database", database).stdout
    assert len(run("dead", "list", "--database", database).stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", [(), ("1", "--all"), ("--all", "--dialog", "telegram:1")])
def test_nothing_is_changed_where_nobody_says_what(database: str, arguments: tuple[str, ...]) -> None:
    for command in ("retry", "drop"):
        refused = run("dead", command, *arguments, "--database", database)
        assert refused.returncode == 2
        assert "say which dead letters" in refused.stderr
    assert len(run("dead", "list", "--database", database).stdout.splitlines()) == 2


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = run("dead", "list", "--database", f"sqlite:///{tmp_path / 'none.db'}")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("none.db")) == []


def test_on_a_server_with_a_password_from_a_file(tmp_path: Path, postgresql_server: PostgreSQLServer) -> None:
    place = PostgreSQLPlace()
    place.prepared()
    with postgresql_server.connected(place.database) as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO locked")
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    url = postgresql_server.url(place.database, user="locked")
    listed = run("dead", "list", "--database", url, "--database-password-file", str(password))
    assert (listed.returncode, listed.stdout) == (0, "There are no dead letters\n"), listed.stderr
    password.write_text("wrong")
    refused = run("dead", "list", "--database", url, "--database-password-file", str(password))
    assert refused.returncode == 1
    assert "password authentication failed" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
