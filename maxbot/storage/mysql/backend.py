"""MySQL and MariaDB: a connection a worker, and its row in `sessions`, which says which transactions are stored."""

import contextlib
import os
import socket
import time
from typing import Any

from sqlalchemy import Connection as Core
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from maxbot.errors import CommitUnknown, StartError, StorageError, StorageUnavailable
from maxbot.storage.mysql import checks
from maxbot.storage.mysql import tables as tables  # says how they are made
from maxbot.storage.mysql.connection import UNREACHED, Connection, ServerError, server_error
from maxbot.storage.mysql.driver import Result, connect, connect_plain
from maxbot.storage.mysql.failure import advised, meaning
from maxbot.storage.mysql.place import driver
from maxbot.storage.mysql.transaction import MySQLTransaction
from maxbot.storage.mysql.words import literal
from maxbot.storage.schema import REVISION
from maxbot.storage.session import OnServer

LOCK_TIMEOUT = 5
"""Seconds to wait for a row that somebody else holds."""

IDLE = 30
"""Seconds after which the server ends a connection that says nothing, and frees what its worker had locked."""

IN_TRANSACTION = 10
"""Seconds that it may say nothing in a transaction; less where the lease is shorter."""

PROMPT = 1.0
"""Seconds within which a connection that is made and ended at once is ended by somebody, and not by a deadline."""

_ALONE = "maxbot"  # of the named lock: who makes tables does so alone
_ALONE_TIMEOUT = 30

_CLOCK = "UNIX_TIMESTAMP(NOW(6))"

_SETTINGS = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    # UTC, or an hour of each autumn would be ambiguous. What is too long must not be cut and stored.
    f"SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
    f"NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = {LOCK_TIMEOUT}, wait_timeout = {IDLE}",
)


class MySQL(OnServer[Connection]):
    """A database on a server, whose password may be in MYSQL_PWD too. See `OnServer`."""

    def engine(self) -> Engine:
        engine = create_engine(f"mysql+{driver(self._place)}://", creator=self._connect_plain, poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def begin(connection: Core) -> None:
            # Held until the connection is closed: what makes tables ends transactions.
            got = connection.execute(text(f"SELECT GET_LOCK('{_ALONE}', {_ALONE_TIMEOUT})")).scalar_one()
            if got != 1:
                raise StorageUnavailable("another worker is at the tables")
            before = time.time()
            self._compare_clocks(before, float(connection.execute(text(f"SELECT {_CLOCK}")).scalar_one()))

        return engine

    def check(self) -> None:
        try:
            connection = self._connect()
            one_writer = self._place.options.get("galera") == "one-writer"
            checks.check(connection, self.name, one_writer=one_writer)
        except (StorageError, ServerError) as error:
            raise StartError(f"The database {self.name} cannot be used: {meaning(error)}") from None
        finally:
            self.disconnect()

    def _connect_plain(self) -> Any:
        failure: Exception = StorageUnavailable("no host")
        for host in self._place.hosts:
            try:
                connection = connect_plain(self._place, host, self._password_file)
            except Exception as error:
                failure = error
                continue
            cursor = connection.cursor()
            for setting in _SETTINGS:
                cursor.execute(setting)
            cursor.close()
            return connection
        raise failure

    def _connect(self) -> Connection:
        failure: StorageError = StorageUnavailable("no host")
        for host in self._place.hosts:
            connection, began = None, time.monotonic()
            try:
                connection = Connection(connect(self._place, host, self._password_file))
                self._begin_session(connection)
            except Exception as error:
                if connection is not None:
                    connection.close()
                failure = _no_connection(error, time.monotonic() - began)
                continue
            self._connection = connection
            return connection
        raise failure

    def _begin_session(self, connection: Connection) -> None:
        for setting in _SETTINGS:
            connection.queue(setting)
        before = time.time()
        connection.queue(f"SELECT @@version, @@read_only, @@max_allowed_packet, {_CLOCK}")
        (version, read_only, largest, now), *_ = connection.exchange()[-1].rows
        if read_only and len(self._place.hosts) > 1:  # the next one may be the primary
            raise StorageUnavailable("the server takes no writes (a replica?)")
        connection.largest = largest
        self._compare_clocks(before, now)
        if checks.product(version)[0] == "MariaDB":  # MySQL has no such setting, and ends it after `wait_timeout`
            patience = max(1, int(min(IN_TRANSACTION, self._member.lease)))
            connection.queue(f"SET SESSION idle_transaction_timeout = {patience}")
            connection.exchange()

    def begin(self) -> MySQLTransaction:
        connection = self._connection or self._connect()
        session = self._next_group(connection)
        connection.forget()
        connection.queue("START TRANSACTION")
        connection.queue(
            f"UPDATE sessions SET group_number = {self._group}, until = {_CLOCK} + {self.lease!r} "
            f"WHERE id = {session} AND NOT ended",
            self._renewed,
        )
        return MySQLTransaction(connection, session, session << 32 | self._group % 2**32)

    def _renewed(self, result: Result) -> Exception | None:
        return self._see_session(result.affected)

    def _open_session(self, connection: Connection) -> int:
        # Kept for as long as it may be looked up whether its last transaction was stored. Found by a plain SELECT: the
        # DELETE would wait for those that are being renewed.
        old = connection.ask(f"SELECT id FROM sessions WHERE until < {_CLOCK} - 30 * 86400")
        if old:
            connection.queue(f"DELETE FROM sessions WHERE id IN ({', '.join(str(number) for (number,) in old)})")
        run, lease, serves = self._member
        said = [literal(value) for value in (socket.gethostname()[:200], os.getpid(), run, serves, REVISION)]
        connection.queue(
            "INSERT INTO sessions (host, pid, run, serves, revision, until, group_number, ended) "
            f"VALUES ({', '.join(said)}, {_CLOCK} + {lease!r}, 0, 0)"
        )
        number: int = connection.ask("SELECT LAST_INSERT_ID()")[0][0]
        return number

    def commit(self) -> None:
        connection = self._connection
        assert connection is not None
        if not self._counted:  # from then on the row is ours until the end, whatever becomes of the connection
            connection.exchange()
        connection.queue("COMMIT")
        try:
            connection.exchange()
        except ServerError as error:
            if error.lost or error.last:
                raise CommitUnknown(advised(error)) from None
            raise

    def committed(self) -> bool:
        connection = self._connection or self._connect()
        connection.queue("START TRANSACTION")
        connection.queue(f"SELECT group_number FROM sessions WHERE id = {self.session} FOR UPDATE")
        connection.queue("COMMIT")
        return connection.exchange()[1].rows == [(self._group,)]

    def roll_back(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.forget()
            try:
                # By hand: after a lock wait timeout the server has undone one statement, and would commit the others.
                connection.queue("ROLLBACK")
                connection.exchange()
            except ServerError:
                self.disconnect()

    def reading(self) -> MySQLTransaction:
        return MySQLTransaction(self._connection or self._connect(), self.session)

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        if self._connection is not None and self.session is not None:
            with contextlib.suppress(ServerError):
                self._connection.ask(f"DELETE FROM sessions WHERE id = {self.session}")
        self.session = None
        self.disconnect()

    def failure(self, error: Exception) -> StorageError:
        return meaning(error)


def _no_connection(error: Exception, took: float) -> StorageError:
    """Return what it means that there is no connection: another attempt at once would help only where one was ended.

    Args:
        error: Why there is none.
        took: Seconds until then: what ends a connection tells so at once, a silent network after its deadline.
    """
    if isinstance(error, StorageError):
        return error
    ours = server_error(error)
    if ours is None:
        return StorageUnavailable(str(error))
    if ours.lost and ours.code not in UNREACHED and took < PROMPT:
        return meaning(ours)
    return StorageUnavailable(advised(ours))
