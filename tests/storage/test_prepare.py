"""A database is made, brought up to date or refused, and used by one supervisor."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect

from maxbot.errors import StartError, UsageError
from maxbot.storage.inspect import summarize
from maxbot.storage.prepare import MIGRATIONS, known_revisions, migrate, prepare
from maxbot.storage.schema import REVISION, metadata
from maxbot.storage.sqlite import place
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.claim import claim
from maxbot.storage.sqlite.place import check_place, new_path, sqlite_path
from tests.storage.support import prepared


def shape(engine: Engine) -> dict[str, object]:
    """Return all that tells one schema from another."""
    with engine.connect() as connection:
        found = inspect(connection)
        return {
            table: (
                found.get_pk_constraint(table)["constrained_columns"],
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
                sorted((i["name"] or "", i["column_names"], bool(i["unique"])) for i in found.get_indexes(table)),
                sorted(tuple(u["column_names"]) for u in found.get_unique_constraints(table)),
            )
            for table in found.get_table_names()
            if table != "alembic_version"
        }


def test_a_new_schema_and_a_migrated_one_are_the_same(tmp_path: Path) -> None:
    migrated, fresh = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}"), prepared(tmp_path / "fresh.db").engine()
    with migrated.begin() as connection:
        migrate(connection)
    assert shape(migrated) == shape(fresh)
    assert set(shape(fresh)) | {"alembic_version"} == set(metadata.tables)
    prepare(SQLite(tmp_path / "migrated.db"))
    migrated.dispose()
    fresh.dispose()


def test_the_schema_is_that_of_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION == known_revisions()[-1]


def test_a_database_is_prepared_as_often_as_one_likes(tmp_path: Path) -> None:
    for _ in range(3):
        summary = summarize(prepared(tmp_path / "bot.db"))
    assert summary is not None
    assert (summary.updates, summary.commands, summary.dead_letters, summary.counters) == (0, 0, 0, {})


def test_workers_that_start_at_the_same_moment_prepare_one_database(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(6) as pool:
        for number in range(60):
            path = tmp_path / f"{number}.db"
            pool.map(prepared, [path] * 6, chunksize=1)
            assert summarize(SQLite(path)) is not None


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def refusal(path: Path) -> str:
    with pytest.raises(StartError) as refused:
        prepared(path)
    return str(refused.value)


def test_a_newer_releases_database_is_refused(tmp_path: Path) -> None:
    prepared(tmp_path / "bot.db")
    execute(tmp_path / "bot.db", "UPDATE alembic_version SET version_num = '9999'")
    assert "newer release" in refusal(tmp_path / "bot.db")


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    execute(tmp_path / "bot.db", "CREATE TABLE songs (title)")
    assert "belongs to something else" in refusal(tmp_path / "bot.db")


def test_somebody_elses_database_with_migrations_of_its_own_is_refused(tmp_path: Path) -> None:
    execute(tmp_path / "bot.db", "CREATE TABLE songs (title)", "CREATE TABLE alembic_version (version_num)")
    assert "belongs to something else" in refusal(tmp_path / "bot.db")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_text("a letter to a friend, longer than a header" * 100)
    assert "not a database" in refusal(tmp_path / "bot.db")


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    assert "cannot be used" in refusal(tmp_path / "missing" / "bot.db")
    with pytest.raises(StartError, match="does not exist"):
        check_place(tmp_path / "missing" / "bot.db")
    with pytest.raises(StartError, match="is a directory"):
        check_place(tmp_path)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """In a process of an ordinary user: root may write everywhere."""
    prepared(tmp_path / "bot.db")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o555)
    (tmp_path / "bot.db").chmod(0o444)
    code = (
        "import os, pathlib, sys\nfrom maxbot.errors import StartError\n"
        "from maxbot.storage.sqlite.place import check_place\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "for name in ('bot.db', 'new.db'):\n"
        "    try: check_place(pathlib.Path(sys.argv[1], name))\n"
        "    except StartError as error: print(error)\n"
    )
    try:
        said = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    finally:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
    assert "bot.db cannot be written" in said[0]
    assert f"The directory {tmp_path} cannot be written" in said[1]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p"])
def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    share = tmp_path / "my share"
    share.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"rootfs / ext4 rw 0 0\nserver:/export {str(share).replace(' ', chr(92) + '040')} {kind} rw 0 0\n"
    )
    monkeypatch.setattr(place, "MOUNTS", mounts)
    check_place(tmp_path / "bot.db")
    with pytest.raises(StartError, match=f"network file system \\({kind}\\)"):
        check_place(share / "bot.db")
    (tmp_path / "link.db").symlink_to(share / "bot.db")
    with pytest.raises(StartError, match="network file system"):
        check_place(tmp_path / "link.db")


def test_a_url_names_a_file() -> None:
    assert sqlite_path("sqlite:////var/lib/bot.db") == Path("/var/lib/bot.db")
    assert sqlite_path("sqlite:///bot.db") == Path.cwd() / "bot.db"
    for url in ("sqlite://", "sqlite:///", "sqlite:///:memory:", "bot.db"):
        with pytest.raises(UsageError):
            sqlite_path(url)


def test_a_new_path_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert new_path() != new_path()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(StartError, match="--database"):
        check_place(new_path())


CLAIM = """
import os, pathlib, sys, time
from maxbot.storage.sqlite.claim import claim
claim(pathlib.Path(sys.argv[1]), 0)
if child := os.fork():
    print(child, flush=True)
time.sleep(60)
"""


def test_a_database_has_one_supervisor_until_that_is_killed(tmp_path: Path) -> None:
    """A child that the killed one forked lives on, and does not keep the claim."""
    path = tmp_path / "bot.db"
    with subprocess.Popen([sys.executable, "-c", CLAIM, str(path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        try:
            with pytest.raises(StartError, match="Another maxbot run"):
                claim(path, 0.1)
            owner.send_signal(signal.SIGKILL)
            mine = claim(path, 5.0)
        finally:
            owner.kill()
            os.kill(child, signal.SIGKILL)
    mine.release()
