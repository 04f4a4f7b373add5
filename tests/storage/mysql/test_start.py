"""A start on MariaDB: what cannot be used is refused in one sentence that says what to do, without any secret."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from maxbot.errors import StartError
from maxbot.storage.mysql import checks
from maxbot.storage.mysql.backend import MySQL
from maxbot.storage.place import check_url
from maxbot.storage.prepare import prepare
from tests.storage.support import ANNA, MySQLPlace, says, update
from tests.support.mysql import LOCKED, PASSWORD, POWERLESS, MariaDBServer
from tests.support.processes import free_port


@pytest.fixture
def there() -> MySQLPlace:
    """An empty database."""
    return MySQLPlace()


def refusal(url: str, password_file: Path | None = None) -> str:
    with pytest.raises(StartError) as refused:
        prepare(MySQL(url, None if password_file is None else str(password_file)))
    said = str(refused.value)
    assert "\n" not in said
    assert PASSWORD not in said
    return said


def test_a_missing_database_or_server_is_said(there: MySQLPlace) -> None:
    assert "Unknown database 'missing': make it with: CREATE DATABASE" in refusal(there.server.url("missing"))
    assert "Can't connect" in refusal(there.server.url(there.database, port=free_port()))
    pymysql = there.server.url(there.database, port=free_port(), scheme="mysql+pymysql")
    assert "Can't connect" in refusal(pymysql)


def test_a_password_comes_from_a_file_or_the_environment_and_is_never_said(
    there: MySQLPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = there.server.url(there.database, user=LOCKED)
    file = tmp_path / "password"
    assert "--database-password-file, or MYSQL_PWD" in refusal(url)
    file.write_text("wrong")
    assert "Access denied for user 'locked'" in refusal(url, file)
    assert "--database-password-file" in refusal(url, tmp_path / "missing")
    file.write_text(f"{PASSWORD}\n")
    prepare(MySQL(url, str(file)))
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    prepare(MySQL(url))


def test_a_missing_right_is_said(there: MySQLPlace) -> None:
    assert "lacks a right" in refusal(there.server.url(there.database, user=POWERLESS))
    with there.server.connected("mysql") as cursor:
        cursor.execute(f"GRANT SELECT ON {there.database}.* TO {POWERLESS}@'127.0.0.1'")
    assert "lacks a right" in refusal(there.server.url(there.database, user=POWERLESS))


def test_tables_that_a_killed_worker_had_begun_are_completed(there: MySQLPlace) -> None:
    """What makes a table ends the transaction that it is in: half of them may be there."""
    there.prepared()
    with there.server.connected(there.database) as cursor:
        cursor.execute("DROP TABLE inbox, outbox, alembic_version")
    there.prepared()
    assert there.rows("inbox") == []


@pytest.fixture
def read_only(there: MySQLPlace) -> Iterator[None]:
    """Have the server take no writes."""
    with there.server.connected("mysql") as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
        yield
        cursor.execute("SET GLOBAL read_only = 0")


@pytest.mark.usefixtures("read_only")
def test_a_server_that_takes_no_writes_is_refused(there: MySQLPlace) -> None:
    assert "takes no writes" in refusal(there.url)


def test_a_setting_that_would_lose_or_reorder_is_refused(there: MySQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    for changed, told in [
        ({"wsrep_on": "ON"}, "galera=one-writer"),
        ({"log_bin": "ON", "binlog_format": "STATEMENT"}, "ROW or MIXED"),
        ({"version": "5.7.44-log"}, "is MySQL 5.7.44-log: maxbot needs 8.0 or newer"),
        ({"version": "10.5.2-MariaDB"}, "maxbot needs 10.6 or newer"),
    ]:
        real = checks.variables
        with monkeypatch.context() as patched:
            patched.setattr(
                checks, "variables", lambda connection, real=real, changed=changed: real(connection) | changed
            )
            assert told in refusal(there.url)


def test_a_table_whose_collation_or_engine_was_changed_is_refused(there: MySQLPlace) -> None:
    there.prepared()
    for change, told in [
        ("ALTER TABLE dialogs MODIFY dialog VARCHAR(401) NOT NULL", "dialogs.dialog is varchar"),
        ("ALTER TABLE counters ENGINE=MyISAM", "ENGINE=InnoDB"),
        ("ALTER TABLE counters ENGINE=InnoDB, DEFAULT CHARACTER SET latin1", "CONVERT TO CHARACTER SET utf8mb4"),
    ]:
        with there.server.connected(there.database) as cursor:
            cursor.execute(change)
        assert told in refusal(there.url)


def test_tls_is_asked_for_and_its_authority_is_looked_at(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    for name, its in (("ours.pem", authority), ("other.pem", other)):
        its.cert_pem.write_to_path(tmp_path / name)
    files = {
        "server.crt": certificate.cert_chain_pems[0].bytes(),
        "server.key": certificate.private_key_pem.bytes(),
    }
    server = MariaDBServer(files, ssl_cert="server.crt", ssl_key="server.key", require_secure_transport="on")
    try:
        for scheme in ("mysql", "mysql+pymysql"):
            url = server.url(
                server.new_database(), scheme=scheme, options=f"?ssl-mode=VERIFY_IDENTITY&ssl-ca={tmp_path}"
            )
            prepare(MySQL(f"{url}/ours.pem"))
            said = refusal(f"{url}/other.pem")
            assert "see ssl-mode and ssl-ca" in said or "certificate verify failed" in said
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("url", "module", "extra"), [("mysql:", "MySQLdb", "mysql"), ("mysql+pymysql:", "pymysql", "pymysql")]
)
def test_a_missing_driver_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StartError, match=rf'pip install "maxbot\[{extra}\]"'):
        check_url(f"{url}//bot@host/bot")


def test_texts_of_all_kinds_come_back_as_they_went(there: MySQLPlace) -> None:
    texts = [
        "\U0001f600",
        "it's",
        'say "no"',
        "a\\b",
        "100 %s %%",
        ":name ; DROP TABLE seen; --",
        "x'41'",
        "\x1a\n\r\t",
    ]

    async def scenario() -> None:
        async with there.opened() as store:
            assert await store.accept([update(text) for text in texts]) == [True] * len(texts)
            committed = await store.commit(str(ANNA), 0, 1, {"said": texts}, says(*texts))
            assert committed is not None
            work = await store.load(str(ANNA))
            assert work.state == {"said": texts}
            assert [row.content["text"] for row in work.outbox] == texts

    asyncio.run(scenario())
    assert [row["key"] for row in there.rows("seen")] == texts
