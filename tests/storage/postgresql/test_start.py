"""A start on PostgreSQL: what cannot be used is refused in one sentence that says what to do, without any secret."""

import asyncio
import sys
from pathlib import Path

import pytest
import trustme
from sqlalchemy import inspect, text

from maxbot.errors import StartError
from maxbot.storage.place import check_url
from maxbot.storage.postgresql import checks
from maxbot.storage.postgresql.backend import PostgreSQL
from maxbot.storage.prepare import migrate, prepare
from maxbot.storage.store import Store
from tests.storage.support import ANNA, PostgreSQLPlace, says, update
from tests.support.pgbouncer import pgbouncer
from tests.support.postgresql import PASSWORD, PostgreSQLServer
from tests.support.processes import free_port


@pytest.fixture
def there() -> PostgreSQLPlace:
    """An empty database."""
    return PostgreSQLPlace()


def refusal(url: str, password_file: Path | None = None) -> str:
    with pytest.raises(StartError) as refused:
        prepare(PostgreSQL(url, None if password_file is None else str(password_file)))
    said = str(refused.value)
    assert "\n" not in said
    assert PASSWORD not in said
    return said


def test_a_missing_database_or_server_is_said(there: PostgreSQLPlace) -> None:
    assert "does not exist: make what is missing (createdb" in refusal(there.server.url("missing"))
    assert "Connection refused" in refusal(there.server.url(there.database, port=free_port()))
    assert 'invalid connection option "colour"' in refusal(f"{there.url}?colour=red")


def test_a_password_comes_from_a_file_or_the_environment_and_is_never_said(
    there: PostgreSQLPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with there.server.connected(there.database) as connection:
        connection.execute("GRANT ALL ON SCHEMA public TO locked")
    url = there.server.url(there.database, user="locked")
    file = tmp_path / "password"
    assert "give the right one: PGPASSWORD" in refusal(url)
    file.write_text("wrong")
    assert "password authentication failed" in refusal(url, file)
    assert "--database-password-file" in refusal(url, tmp_path / "missing")
    file.write_text(f"{PASSWORD}\n")
    prepare(PostgreSQL(url, str(file)))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    prepare(PostgreSQL(url))


def test_a_missing_right_is_said(there: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = there.server.url(there.database, user="locked")
    assert "lacks a right" in refusal(url)


def test_a_server_that_takes_no_writes_is_refused(there: PostgreSQLPlace) -> None:
    with there.server.connected() as connection:
        connection.execute(f"ALTER DATABASE {there.database} SET default_transaction_read_only = on".encode())
    assert "target_session_attrs=read-write" in refusal(there.url)
    assert "target_session_attrs" in refusal(f"{there.url}?target_session_attrs=read-write")


def test_an_old_server_is_refused(there: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "OLDEST", 99)
    assert "maxbot needs 99 or newer" in refusal(there.url)


def test_a_database_in_another_encoding_is_refused(there: PostgreSQLPlace) -> None:
    with there.server.connected() as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "ENCODING 'UTF8'" in refusal(there.server.url("latin"))


def test_a_sequence_with_a_stock_of_numbers_is_refused(there: PostgreSQLPlace) -> None:
    there.prepared()
    with there.server.connected(there.database) as connection:
        connection.execute("ALTER SEQUENCE seen_id_seq CACHE 20")
    assert refusal(there.url).endswith("ALTER SEQUENCE seen_id_seq CACHE 1")


def test_tls_is_asked_for_and_its_authority_is_looked_at(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    for name, its in (("ours.pem", authority), ("other.pem", other)):
        its.cert_pem.write_to_path(tmp_path / name)
    files = {
        "server.crt": certificate.cert_chain_pems[0].bytes(),
        "server.key": certificate.private_key_pem.bytes(),
    }
    server = PostgreSQLServer(files, ssl="on")
    try:
        url = f"{server.url(server.new_database())}?sslmode=verify-full&sslrootcert={tmp_path}"
        prepare(PostgreSQL(f"{url}/ours.pem"))
        assert "certificate verify failed" in refusal(f"{url}/other.pem")
    finally:
        server.stop()


def test_a_pooler_that_knows_no_prepared_statements_is_refused_and_used_without(there: PostgreSQLPlace) -> None:
    async def scenario(place: PostgreSQLPlace) -> None:
        async with place.databases(6) as made:
            stores = [Store(database) for database in made]
            for number in range(20):
                accepted = (store.accept([update(f"{index}.{number}")]) for index, store in enumerate(stores))
                assert await asyncio.gather(*accepted) == [[True]] * 6
            for version in range(120):
                work = await stores[1].load(str(ANNA))
                assert work.update is not None
                committed = await stores[1].commit(str(ANNA), version, work.update.id, {}, says("a"))
                assert committed is not None
                assert await stores[0].sent(committed[0].id)
            assert await stores[0].find_pending(None, "", 1) == []

    with pgbouncer(there.server) as port:
        url = there.server.url(there.database, port=port)
        assert "add prepared=off to the URL" in refusal(url)
        there.url = f"{url}?prepared=off"
        asyncio.run(scenario(there))


def test_a_new_schema_and_a_migrated_one_are_the_same(there: PostgreSQLPlace) -> None:
    def shape(place: PostgreSQLPlace) -> list[tuple[object, ...]]:
        columns = """
            SELECT c.relname, c.reloptions::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                k.collname, pg_get_expr(d.adbin, d.adrelid)
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_collation k ON k.oid = a.attcollation
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'alembic%%' ORDER BY 1, 3
        """
        with place.server.connected(place.database) as connection:
            return connection.execute(columns).fetchall()

    there.prepared()
    migrated = PostgreSQLPlace()
    engine = migrated.backend().engine()
    with engine.begin() as connection:
        migrate(connection)
        assert inspect(connection).get_table_names()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
    assert shape(migrated) == shape(there)


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StartError, match=r'pip install "maxbot\[postgresql\]"'):
        check_url("postgresql://bot@host/bot")
