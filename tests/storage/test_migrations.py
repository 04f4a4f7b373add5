"""A schema grows under running workers: first what is new is added, and later what nobody needs any more goes."""

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from maxbot.errors import StartError
from maxbot.storage import prepare as module
from maxbot.storage.prepare import MIGRATIONS, STEP_PATIENCE, prepare
from maxbot.storage.schema import metadata
from tests.storage.support import ANNA, MySQLPlace, Place, PostgreSQLPlace, says, update

STEP = '''"""{title}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade():
    {change}
'''
EXPANDED, CONTRACTED = "0002.0001", "0003.0002"
EXPAND = "op.add_column('dialogs', sa.Column('mood', sa.Integer, nullable=True))"
# What only the first release used; it keeps no turn from being stored, so that it can be shown who is refused.
CONTRACT = "op.drop_column('dialogs', 'mood')"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Release":
    """Releases with further steps."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for revision, before, change in ((EXPANDED, "0001", EXPAND), (CONTRACTED, EXPANDED, CONTRACT)):
        step = STEP.format(title=f"To {revision}.", revision=revision, before=before, change=change)
        (folder / "versions" / f"{revision}_step.py").write_text(step)
    return Release(folder, monkeypatch)


class Release:
    """Which release the code is of."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def becomes(self, revision: str) -> None:
        """Let the code be that of another one."""
        versions = self._folder / "versions"
        for file in versions.glob("*_step.*"):
            known = file.name.partition("_")[0] <= revision
            file.rename(file.with_suffix(".py" if known else ".later"))
        self._monkeypatch.setattr(module, "MIGRATIONS", self._folder)
        self._monkeypatch.setattr(module, "REVISION", revision)


def run_turn(place: Place, version: int) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update(f"{version}")])
            work = await store.load(str(ANNA))
            assert (work.version, work.update is None) == (version, False)
            assert work.update is not None
            assert await store.commit(str(ANNA), version, work.update.id, {"a": version}, says("a")) is not None

    asyncio.run(scenario())


def test_an_older_database_is_refused_with_the_command_and_upgraded_when_asked(place: Place, release: Release) -> None:
    release.becomes("0001")
    run_turn(place, 0)
    release.becomes(EXPANDED)
    with pytest.raises(StartError, match="maxbot db upgrade --database"):
        prepare(place.backend())
    assert prepare(place.backend(), upgrade=True) == [EXPANDED]
    assert place.rows("alembic_version") == [{"version_num": EXPANDED}]
    run_turn(place, 1)


def test_the_release_before_runs_on_an_expanded_schema_and_is_refused_on_a_contracted_one(
    place: Place, release: Release
) -> None:
    release.becomes("0001")
    run_turn(place, 0)
    release.becomes(EXPANDED)
    prepare(place.backend(), upgrade=True)
    release.becomes("0001")
    run_turn(place, 1)  # a worker of the old release that is replaced meanwhile, for example
    release.becomes(CONTRACTED)
    assert prepare(place.backend(), upgrade=True) == [CONTRACTED]
    release.becomes(EXPANDED)
    run_turn(place, 2)
    release.becomes("0001")
    with pytest.raises(StartError, match="newer release"):
        prepare(place.backend())


def test_nothing_is_taken_away_from_a_worker_that_needs_it(place: Place, release: Release) -> None:
    release.becomes("0001")

    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("a")])
            if place.rows("sessions"):  # a file has one supervisor, which `maxbot db upgrade` asks for
                release.becomes(CONTRACTED)
                with pytest.raises(StartError, match="stop all of that release first"):
                    prepare(place.backend(), upgrade=True)
            release.becomes(EXPANDED)
            prepare(place.backend(), upgrade=True)
            assert await store.accept([update("b")]) == [True], "it goes on meanwhile"

    asyncio.run(scenario())
    release.becomes(CONTRACTED)
    assert prepare(place.backend(), upgrade=True) == [CONTRACTED]


def test_a_migrated_schema_is_that_of_a_fresh_one(place: Place) -> None:
    def shape(of: Place) -> list[object]:
        backend = of.backend()
        engine = backend.engine()
        with engine.connect() as connection:
            found = inspect(connection)
            shapes: list[object] = [
                (
                    table,
                    found.get_pk_constraint(table)["constrained_columns"],
                    [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(table)],
                    sorted((i["name"] or "", tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(table)),
                    {k: v for k, v in found.get_table_options(table).items() if "auto" not in k}
                    if connection.dialect.name == "mysql"
                    else None,
                )
                for table in sorted(found.get_table_names())
                if table != "alembic_version"
            ]
        engine.dispose()
        backend.close()
        return shapes

    place.prepared()
    fresh = shape(place)
    backend = place.backend()
    engine = backend.engine()
    with engine.begin() as connection:
        for table in metadata.tables:
            connection.execute(text(f"DROP TABLE {table}"))
        module.migrate(connection)
    engine.dispose()
    backend.close()
    assert shape(place) == fresh


@pytest.mark.parametrize("place", [PostgreSQLPlace, MySQLPlace], indirect=True)
def test_a_step_lets_others_pass_while_somebody_keeps_the_table(place: Place, release: Release) -> None:
    """A dump, or a report, reads for long: the step waits for it, and the bot does not wait for the step."""
    release.becomes("0001")
    run_turn(place, 0)
    release.becomes(EXPANDED)
    reader, other = (place.backend().engine().raw_connection() for _ in range(2))
    reader.cursor().execute("BEGIN")
    reader.cursor().execute("SELECT version FROM dialogs")
    with ThreadPoolExecutor() as pool:
        step = pool.submit(prepare, place.backend(), upgrade=True)
        cursor, longest = other.cursor(), 0.0
        until = time.monotonic() + 3 * STEP_PATIENCE
        while time.monotonic() < until:
            began = time.monotonic()
            cursor.execute("SELECT version FROM dialogs")
            other.rollback()
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
        assert not step.done()
        assert 0.2 < longest < 3 * STEP_PATIENCE, "the step stood in nobody's way, or for too long"
        reader.rollback()
        assert step.result(30) == [EXPANDED]
    for connection in (reader, other):
        connection.close()
