"""What holds for all tests, and what they share: servers of databases, started by the first test that needs one."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import FULL, mysql, postgresql

# How long an example takes is for the benchmarks: a busy machine must not fail a test. The usual run tries the same
# examples each time, so that who changes one thing does not meet the bug of another one; the full run tries new ones.
settings.register_profile("maxbot", deadline=None, derandomize=not FULL)
settings.load_profile("maxbot")

# Under `nohup`, or in the background of a shell, signals are ignored, and what is started inherits that. What tests
# start must not: it is asked whether it hears them.
for _signum in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_signum) is signal.SIG_IGN:
        signal.signal(_signum, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def _database_servers() -> Iterator[None]:
    yield
    postgresql.stop_shared_server()
    mysql.stop_shared_server()


@pytest.fixture
def postgresql_server() -> postgresql.PostgreSQLServer:
    """The server that all tests share; whoever kills it starts it again."""
    return postgresql.shared_server()


@pytest.fixture
def mariadb_server() -> mysql.MariaDBServer:
    """The server that all tests share; whoever kills it starts it again."""
    return mysql.shared_server()
