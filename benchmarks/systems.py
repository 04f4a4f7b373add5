"""What is compared, and how each is started."""

import atexit
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.mysql import MariaDBServer
from tests.support.postgresql import PostgreSQLServer
from tests.support.processes import Server, free_port

HERE = Path(__file__).parent

GRAMMY = HERE / "grammy" / "node_modules"
"""Is there where `scripts/bench` found npm."""

TOKEN = "123456:benchmark-token-that-opens-nothing"
SECRET = "benchmark-secret"


@dataclass(frozen=True)
class System:
    """One of the things that are measured."""

    name: str
    about: str
    """For the table: what it promises, as far as that explains its costs."""
    server: Callable[[str, Path], Server]
    """Makes the server's handle from the URL of the platform and an empty directory of its own."""
    replies: bool = True
    ordered: bool = False
    """Whether it runs the messages of a user one after the other."""


def systems() -> list[System]:
    """Return what is compared, in the order in which each round runs them."""
    return [
        System(
            "maxbot, 1 worker", "durable, ordered per user", lambda api, folder: _maxbot(api, folder, 1), ordered=True
        ),
        System(
            "maxbot, 2 workers", "durable, ordered per user", lambda api, folder: _maxbot(api, folder, 2), ordered=True
        ),
        System(
            "maxbot on PostgreSQL",
            "1 worker; durable, ordered per user",
            lambda api, folder: _maxbot(api, folder, 1, _on_postgresql()),
            ordered=True,
        ),
        System(
            "maxbot on MariaDB",
            "1 worker; durable, ordered per user",
            lambda api, folder: _maxbot(api, folder, 1, _on_mariadb()),
            ordered=True,
        ),
        System("aiogram", "in memory, not ordered", lambda api, folder: _script("aiogram_echo.py", api, folder)),
        System(
            "aiogram on uvloop",
            "in memory, not ordered",
            lambda api, folder: _script("aiogram_echo.py", api, folder, "--uvloop"),
        ),
        *([System("grammY", "in memory, not ordered", _grammy)] if GRAMMY.is_dir() else []),
        System("floor", "answers 200, does nothing", lambda api, folder: _script("floor.py", api, folder), False),
    ]


def _ordered(name: str, server: Callable[[str, Path], Server]) -> System:
    return System(name, "durable, ordered per user", server, ordered=True)


def _environment(api: str, port: int) -> dict[str, str]:
    return {"BENCH_API_URL": api, "BENCH_TOKEN": TOKEN, "BENCH_SECRET": SECRET, "BENCH_PORT": str(port)}


_servers: list[PostgreSQLServer] = []


def _on_postgresql() -> str:
    """Return the URL of a fresh database on a server with durable commits, one for all rounds."""
    if not _servers:
        _servers.append(PostgreSQLServer(fsync="on", shared_buffers="128MB"))
        atexit.register(_servers[0].stop)
    return _servers[0].url(_servers[0].new_database())


_mariadb: list[MariaDBServer] = []


def _on_mariadb() -> str:
    """Return the URL of a fresh database on a MariaDB with durable commits, one for all rounds."""
    if not _mariadb:
        _mariadb.append(
            MariaDBServer(innodb_flush_log_at_trx_commit="1", innodb_doublewrite="1", innodb_buffer_pool_size="128M")
        )
        atexit.register(_mariadb[0].stop)
    return _mariadb[0].url(_mariadb[0].new_database())


def _maxbot(api: str, folder: Path, workers: int, database: str | None = None) -> Server:
    port = free_port()
    return Server.maxbot(
        HERE / "echo.yaml",
        folder / "log",
        workers=workers,
        database=database or folder / "bot.db",
        port=port,
        environment=_environment(api, port),
    )


def _grammy(api: str, folder: Path) -> Server:
    port = free_port()
    environment = {**_environment(api, port), "NODE_ENV": "production"}
    return Server(["node", str(HERE / "grammy" / "echo.mjs")], port, folder / "log", environment=environment)


def _script(name: str, api: str, folder: Path, *options: str) -> Server:
    port = free_port()
    command = [sys.executable, str(HERE / name), *options]
    return Server(command, port, folder / "log", environment=_environment(api, port))
