"""What `maxbot db check` and `maxbot db stats` say of a database."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from maxbot.errors import StorageUnavailable
from maxbot.storage.backend import Backend
from maxbot.storage.prepare import current
from maxbot.storage.schema import dead_letters, dialogs, inbox, outbox, replies, seen, sessions, timers
from maxbot.storage.tables.counters import read_counters

Answer = TypeVar("Answer")

SLOW_ROUND_TRIP = 0.005
"""Seconds: a turn waits for some four of them."""

LARGE_OFFSET = 5.0
"""Seconds by which clocks may differ without anybody asking why."""


class Fact(NamedTuple):
    """Something that is so."""

    name: str
    value: str
    advice: str | None = None
    """What to do about it, where something should be done."""


def facts(backend: Backend) -> list[Fact]:
    """Return what whoever runs the database would ask for.

    Raises:
        StartError: The database belongs to something else.
        StorageUnavailable: It does not answer.
    """
    return _asked(backend, lambda connection: [*_own(connection), *_common(connection, backend)])


def figures(backend: Backend) -> dict[str, float]:
    """Return how much is in the tables, and how old the oldest of what waits is, in seconds. Raises as `facts`."""
    return _asked(backend, lambda connection: dict(_figures(connection, backend)))


def revision(backend: Backend) -> str | None:
    """Return the database's schema; None where there is none. Raises as `facts`."""
    return _asked(backend, lambda connection: current(connection, backend.name))


def _asked(backend: Backend, ask: Callable[[Connection], Answer]) -> Answer:
    engine = backend.engine()
    try:
        with engine.begin() as connection:
            return ask(connection)
    except DBAPIError as error:
        cause = error.orig if isinstance(error.orig, Exception) else error
        raise StorageUnavailable(f"The database {backend.name} cannot be used: {backend.failure(cause)}") from None
    finally:
        engine.dispose()
        backend.close()


def _common(connection: Connection, backend: Backend) -> Iterator[Fact]:
    offset = backend.offset
    ahead = abs(offset) > LARGE_OFFSET
    yield Fact("clock", f"{offset:+.3f} s from this host's", "set the clocks of both hosts by NTP" if ahead else None)
    trip = _round_trip(connection)
    slow = "use a database nearer to the bot: each turn waits for several" if trip > SLOW_ROUND_TRIP else None
    yield Fact("round trip", f"{trip * 1000:.2f} ms", slow)
    found = current(connection, backend.name)
    yield Fact("schema", found or "none yet", None if found else "it is made at the first start")


def _round_trip(connection: Connection) -> float:
    taken = []
    for _ in range(11):
        start = time.perf_counter()
        connection.execute(text("SELECT 1")).scalar_one()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]


def _own(connection: Connection) -> Iterator[Fact]:
    """Return what only one kind of database has."""
    kinds: dict[str, Callable[[Connection], Iterator[Fact]]] = {
        "sqlite": _sqlite,
        "postgresql": _postgresql,
        "mysql": _mysql,
    }
    return kinds[connection.dialect.name](connection)


def _sqlite(connection: Connection) -> Iterator[Fact]:
    yield Fact("version", f"SQLite {_one(connection, 'SELECT sqlite_version()')}")
    yield Fact("journal", str(_one(connection, "PRAGMA journal_mode")))
    yield Fact("durability", "MAXBOT_DURABILITY of the run: a commit survives the kill of a process, or a power loss")


def _postgresql(connection: Connection) -> Iterator[Fact]:
    def setting(name: str) -> str:
        return str(_one(connection, f"SELECT current_setting('{name}')"))

    yield Fact("version", f"PostgreSQL {setting('server_version')}")
    yield Fact("isolation", "READ COMMITTED, by maxbot")
    commit, fsync = setting("synchronous_commit"), setting("fsync")
    lost = "the last commits may be lost after a crash: set both to on" if "off" in (commit, fsync) else None
    yield Fact("durability", f"synchronous_commit {commit}, fsync {fsync}", lost)
    recovers = _one(connection, "SELECT pg_is_in_recovery()")
    standby = "name the primary, or all hosts with target_session_attrs=read-write" if recovers else None
    yield Fact("read-only", "yes" if recovers else "no", standby)
    cache = _one(connection, "SELECT max(cache_size) FROM pg_sequences WHERE schemaname = ANY (current_schemas(false))")
    ordered = "ALTER SEQUENCE … CACHE 1, or messages get out of order" if cache and cache != 1 else None
    yield Fact("sequence cache", str(cache or "no sequences yet"), ordered)


def _mysql(connection: Connection) -> Iterator[Fact]:
    found: dict[str, str] = dict(connection.execute(text("SHOW VARIABLES")).tuples().all())
    yield Fact("version", f"{found['version']} ({found['version_comment']})")
    yield Fact("isolation", "READ COMMITTED, by maxbot")
    flush, binary = found["innodb_flush_log_at_trx_commit"], found["sync_binlog"]
    lost = "the last commits may be lost after a crash: innodb_flush_log_at_trx_commit=1" if flush != "1" else None
    yield Fact("durability", f"innodb_flush_log_at_trx_commit {flush}, sync_binlog {binary}", lost)
    closed = found["read_only"] not in ("OFF", "0")
    yield Fact("read-only", "yes" if closed else "no", "name the primary" if closed else None)
    step = found["auto_increment_increment"]
    yield Fact("numbers", f"in steps of {step}", "let all workers use one node" if step != "1" else None)
    yield Fact("Galera", found.get("wsrep_on", "OFF").lower())
    yield Fact("largest packet", f"{int(found['max_allowed_packet']) // 1024} KiB")


def _one(connection: Connection, question: str) -> object:
    return connection.execute(text(question)).scalar_one()


def _figures(connection: Connection, backend: Backend) -> Iterator[tuple[str, float]]:
    now = time.time() + backend.offset
    for table in (inbox, outbox, timers, dialogs, dead_letters, replies, seen):
        yield table.name, connection.execute(select(func.count()).select_from(table)).scalar_one()
    for table, moment in ((inbox, inbox.c.accepted_at), (outbox, outbox.c.committed_at)):
        first = connection.execute(select(func.min(moment))).scalar_one()
        yield f"oldest in {table.name}, seconds", 0.0 if first is None else round(max(now - first, 0.0), 1)
    alive = select(func.count()).select_from(sessions).where(~sessions.c.ended, sessions.c.until > now)
    yield "workers", connection.execute(alive).scalar_one()
    yield from sorted(read_counters(connection).items())
