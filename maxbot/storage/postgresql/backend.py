"""PostgreSQL: one connection a worker, and a row in `sessions` that says which of its transactions are stored."""

import contextlib
import os
import socket
import time
from typing import Any

import psycopg
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection as Core
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from maxbot.errors import CommitUnknown, StartError, StorageError, StorageUnavailable
from maxbot.storage.postgresql import checks
from maxbot.storage.postgresql.binary import rows_of, single
from maxbot.storage.postgresql.connection import Connection, ServerError
from maxbot.storage.postgresql.failure import meaning, one_line, unreachable
from maxbot.storage.postgresql.place import parameters
from maxbot.storage.postgresql.transaction import PostgreSQLTransaction
from maxbot.storage.postgresql.words import Words, plain
from maxbot.storage.schema import REVISION
from maxbot.storage.session import OnServer

IDLE = 10.0
"""Seconds after which the server ends a transaction whose worker says nothing, and frees what it had locked. Where the
lease is shorter, so is this."""

_ALONE = 0x6D617862  # of the advisory lock: who makes tables does so alone

_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_BEGIN = plain("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
_COMMIT = plain("COMMIT")
_ROLLBACK = plain("ROLLBACK")

_OPEN = plain(
    "INSERT INTO sessions (host, pid, run, serves, revision, until, group_number, ended) "
    "VALUES ($1, $2, $3, $4, $5, extract(epoch FROM clock_timestamp()) + $6, 0, false) RETURNING id"
)
# Kept for as long as it may be looked up whether its last transaction was stored.
_TIDY = plain("DELETE FROM sessions WHERE until < extract(epoch FROM clock_timestamp()) - 30 * 86400")
_CLOSE = plain("DELETE FROM sessions WHERE id = $1")
# The settings end with the transaction, so that a pooler's next client has none of them. The tables are queues: their
# statistics are always wrong, and a plan made while one was empty would read all of it.
_NEXT_GROUP = plain(
    "UPDATE sessions SET group_number = $1, until = extract(epoch FROM clock_timestamp()) + $3 "
    "WHERE id = $2 AND NOT ended RETURNING "
    "set_config('lock_timeout', '5s', true), set_config('idle_in_transaction_session_timeout', $4, true), "
    "set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)"
)
_PATIENCE = plain("SET LOCAL lock_timeout = '5s'")
_LAST_GROUP = plain("SELECT group_number FROM sessions WHERE id = $1 FOR UPDATE")


class PostgreSQL(OnServer[Connection]):
    """A database on a server, whose password may be where libpq looks for it too. See `OnServer`."""

    @property
    def _prepared(self) -> bool:
        return self._place.options.get("prepared") != "off"

    def engine(self) -> Engine:
        def connect() -> Any:
            given: dict[str, Any] = parameters(self._place, self._password_file)
            return psycopg.connect(**given, prepare_threshold=None)

        engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def begin(connection: Core) -> None:
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ALONE})"))
            before = time.time()
            self._compare_clocks(before, connection.execute(text(_CLOCK)).scalar_one())

        return engine

    def check(self) -> None:
        try:
            connection = self._connect()
            said = self._place.options.get("prepared") == "on"
            checks.check(connection, self.name, prepared=self._prepared, said=said)
        except (StorageError, ServerError, psycopg.Error, OSError) as error:
            raise StartError(f"The database {self.name} cannot be used: {meaning(error)}") from None
        finally:
            self.disconnect()

    def _connect(self) -> Connection:
        try:
            connection = Connection(parameters(self._place, self._password_file), prepared=self._prepared)
        except (psycopg.Error, StartError) as error:
            raise unreachable(error) from None
        self._connection = connection
        before = time.time()
        now: Any = connection.ask(_CLOCK)[0][0]
        self._compare_clocks(before, now)
        return connection

    def _connected(self) -> Connection:
        connection = self._connection or self._connect()
        connection.restart_clock()
        return connection

    def _open_session(self, connection: Connection) -> int:
        _queue(connection, _TIDY)
        run, lease, serves = self._member
        _queue(connection, _OPEN, socket.gethostname()[:200], os.getpid(), run, serves, REVISION, lease)
        number: int = rows_of(connection.exchange(sync=True)[-1])[0][0]
        return number

    def begin(self) -> PostgreSQLTransaction:
        connection = self._connected()
        session = self._next_group(connection)
        _queue(connection, _BEGIN)
        patience = f"{min(IDLE, self._member.lease) * 1000:.0f}ms"
        values, forms = _parameters(self._group, session, self.lease, patience)
        connection.queue(_NEXT_GROUP, values, forms, self._renewed)
        return PostgreSQLTransaction(connection, session)

    def _renewed(self, result: PGresult) -> Exception | None:
        return self._see_session(result.command_tuples or 0)

    def commit(self) -> None:
        connection = self._connection
        assert connection is not None
        if not self._counted:
            connection.exchange()
        connection.warned = False
        _queue(connection, _COMMIT)
        try:
            connection.exchange(sync=True)
        except ServerError as error:
            if error.fatal or error.sqlstate in ("40003", "08007"):
                raise CommitUnknown(str(error)) from None
            raise
        except (psycopg.Error, OSError) as error:
            raise CommitUnknown(one_line(error)) from None
        if connection.warned:
            # "canceling wait for synchronous replication": stored here, and maybe not where a failover leads to.
            raise CommitUnknown("the server did not wait for its standby")

    def committed(self) -> bool:
        connection = self._connected()
        connection.warned = False
        for words in (_BEGIN, _PATIENCE):
            _queue(connection, words)
        _queue(connection, _LAST_GROUP, self.session)
        found = rows_of(connection.exchange()[-1])
        # This one has written too (a lock): its end waits for the standby, as the one in question should have.
        _queue(connection, _COMMIT)
        connection.exchange(sync=True)
        if connection.warned:
            raise StorageUnavailable("the server does not wait for its standby")
        return found == [(self._group,)]

    def roll_back(self) -> None:
        connection = self._connection
        if connection is not None:
            try:
                connection.recover(_ROLLBACK)
            except (ServerError, psycopg.Error, OSError):
                self.disconnect()

    def reading(self) -> PostgreSQLTransaction:
        return PostgreSQLTransaction(self._connected(), self.session, alone=True)

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def close(self) -> None:
        if self._connection is not None and self.session is not None:
            with contextlib.suppress(ServerError, psycopg.Error, OSError):
                self._connection.restart_clock()
                _queue(self._connection, _CLOSE, self.session)
                self._connection.exchange(sync=True)
        self.session = None
        self.disconnect()

    def failure(self, error: Exception) -> StorageError:
        return meaning(error)


def _parameters(*values: Any) -> tuple[list[bytes | None], list[int]]:
    made = [single(value) for value in values]
    return [value for value, _ in made], [form for _, form in made]


def _queue(connection: Connection, words: Words, *values: Any) -> None:
    connection.queue(words, *_parameters(*values))
