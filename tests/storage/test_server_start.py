"""A start on a database of a server, whichever it is: what is refused, and what no host's own clock decides."""

import asyncio
import time

import pytest

from maxbot.errors import StartError, UsageError
from maxbot.storage.place import check_option, check_url
from maxbot.storage.prepare import open_backend, prepare
from tests.storage.support import MySQLPlace, PostgreSQLPlace, update
from tests.support.processes import free_port

ServerPlace = PostgreSQLPlace | MySQLPlace

on_each = pytest.mark.parametrize("there", [PostgreSQLPlace, MySQLPlace], indirect=True)


@pytest.fixture
def there(request: pytest.FixtureRequest) -> ServerPlace:
    """An empty database."""
    made: ServerPlace = request.param()
    return made


@on_each
def test_somebody_elses_database_is_refused(there: ServerPlace) -> None:
    with there.server.connected(there.database) as connection:
        connection.execute("CREATE TABLE songs (title text)")
    with pytest.raises(StartError, match="belongs to something else"):
        prepare(open_backend(there.url, "process"))


@pytest.mark.parametrize(
    ("there", "options"), [(PostgreSQLPlace, "?target_session_attrs=read-write"), (MySQLPlace, "")], indirect=["there"]
)
def test_hosts_are_tried_in_turn(there: ServerPlace, options: str) -> None:
    scheme = there.url.partition(":")[0]
    url = f"{scheme}://maxbot@127.0.0.1:{free_port()},127.0.0.1:{there.server.port}/{there.database}{options}"
    prepare(open_backend(url, "process"))
    assert there.rows("inbox") == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://bot@host", "names no database"),
        ("postgresql://bot@host/", "names no database"),
        ("postgresql://bot:pa/ss@host/bot", "%2F"),
        ("postgresql://bot:pa#ss@host/bot", "%23"),
        ("postgresql://bot:pa?ss@host/bot", "cannot be read"),
        ("postgresql://bot@host:port/bot", "%3A"),
        ("postgresql+psycopg2://bot@host/bot", "whatever the driver"),
        ("postgresql://bot@host/bot?prepared=never", "prepared is on or off"),
        ("mysql://bot@host", "names no database"),
        ("mysql://bot:pa/ss@host/bot", "%2F"),
        ("mysql+oursql://bot@host/bot", "mysql\\+pymysql"),
        ("mysql://bot@host/bot?colour=red", "no option colour"),
        ("mysql://bot@host/bot?ssl-mode=on", "VERIFY_IDENTITY"),
    ],
)
def test_a_wrong_url_is_said_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        check_url(url)
    assert not any(part in str(refused.value) for part in ("pa/", "pa#", "pa?", "ss@"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bot:secret@host/bot", "postgresql://bot@host/bot"),
        ("postgresql://bot@host/bot?password=secret", "postgresql://bot@host/bot"),
        ("mysql://bot:secret@host/bot", "mysql://bot@host/bot"),
    ],
)
def test_a_password_on_a_command_line_is_refused(url: str, shown: str) -> None:
    with pytest.raises(UsageError, match="MAXBOT_DATABASE"):
        check_option(url)
    assert open_backend(url, "process").name == shown


@pytest.mark.parametrize("url", ["postgresql://bot@host/bot?sslmode=require", "mysql://bot@host/bot?ssl-mode=required"])
def test_a_url_without_a_password_is_taken(url: str) -> None:
    check_option(url)


@on_each
def test_times_are_the_databases(there: ServerPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock is an hour ahead would take all work of the others for left behind."""
    clock = time.time
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: clock() + 3600.0)

    async def scenario() -> None:
        async with there.opened() as store:
            await store.ping()
            await store.accept([update("a")])
            assert abs(store.now() - clock()) < 5.0

    asyncio.run(scenario())
    assert abs(there.rows("seen")[0]["accepted_at"] - clock()) < 5.0
