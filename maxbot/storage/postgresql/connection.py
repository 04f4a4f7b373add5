"""A connection through libpq's own calls, in pipeline mode, that never waits longer than its deadline.

psycopg's cursors cost 60 to 100 µs a statement, libpq's calls 5 to 10. What is queued leaves with the next `exchange`.
"""

import contextlib
import select
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import pq

from maxbot.storage.postgresql.binary import rows_of
from maxbot.storage.postgresql.words import Words, plain

DEADLINE = 10.0
"""Seconds that a transaction, or a question, may take: a silent network must not hang the storage thread."""

Check = Callable[[pq.abc.PGresult], Exception | None]

_OK, _TUPLES = pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK
_ABORTED, _SYNC = pq.ExecStatus.PIPELINE_ABORTED, pq.ExecStatus.PIPELINE_SYNC


class ServerError(Exception):
    """The server refused a statement.

    Args:
        sqlstate: https://www.postgresql.org/docs/current/errcodes-appendix.html
        message: The server's own text.
        fatal: It ended the connection.
    """

    def __init__(self, sqlstate: str, message: str, fatal: bool) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.fatal = fatal


class Connection:
    """Runs statements.

    Args:
        parameters: By libpq's names.
        prepared: Whether statements are prepared, once each. Without, the server pays half a millisecond more a
            transaction.

    Raises:
        psycopg.OperationalError: There is no connection.
    """

    def __init__(self, parameters: dict[str, str], *, prepared: bool) -> None:
        # It tries the hosts one after the other, each for `connect_timeout`, and leaves the interpreter to others.
        self._owner = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
        self._libpq = self._owner.pgconn
        self._libpq.nonblocking = 1
        self._libpq.notice_handler = self._notice
        self._libpq.enter_pipeline_mode()
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)
        self._prepared = prepared
        self._known: set[bytes] = set()
        self._queued: list[tuple[bytes | None, Check | None]] = []
        self.deadline = time.monotonic() + DEADLINE
        self.warned = False
        """Whether the server has warned of something since this was last set to False."""

    @property
    def behind_pooler(self) -> bool:
        """Whether somebody stands between: the server's process has another number than was said at the beginning."""
        said = self._libpq.backend_pid
        return said != self.ask("SELECT pg_backend_pid()::int8")[0][0]

    def restart_clock(self) -> None:
        """Begin something that may take until a new deadline."""
        self.deadline = time.monotonic() + DEADLINE

    def queue(
        self, words: Words, values: Sequence[bytes | None] = (), forms: Sequence[int] = (), check: Check | None = None
    ) -> None:
        """Add a statement to what leaves next.

        Args:
            words: The statement.
            values: Its parameters.
            forms: The format of each.
            check: Given the result; returns an error where it must not be like that.
        """
        if not self._prepared or not words.name:
            self._libpq.send_query_params(words.text, values, None, forms, 1)
        else:
            if words.name not in self._known:
                self._known.add(words.name)
                self._libpq.send_prepare(words.name, words.text)
                self._queued.append((words.name, None))
            self._libpq.send_query_prepared(words.name, values, forms, 1)
        self._queued.append((None, check))

    def exchange(self, *, sync: bool = False) -> list[pq.abc.PGresult]:
        """Send what is queued, and wait for all of its results.

        Args:
            sync: Whether it ends here what the server does at one go; after an error only that lets it go on.

        Returns:
            The results of the statements.

        Raises:
            ServerError: One of them failed, and those after it were not run.
            psycopg.OperationalError: The connection is lost.
            TimeoutError: The deadline has passed.
        """
        if sync:
            self._libpq.pipeline_sync()
        else:
            self._libpq.send_flush_request()
        queued, self._queued = self._queued, []
        self._push()
        results: list[pq.abc.PGresult] = []
        failure: Exception | None = None
        for prepares, check in queued:
            result = self._result()
            if result.status not in (_OK, _TUPLES):
                failure = failure or _error(result)
                self._known.discard(prepares or b"")
            elif prepares is None:
                results.append(result)
                if check is not None:
                    failure = failure or check(result)
        if sync:
            while self._next().status != _SYNC:
                pass
        if failure is not None:
            raise failure
        return results

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Run a text that has no parameters, outside of any transaction, and return its rows."""
        self.queue(plain(text, rare=True))
        return rows_of(self.exchange(sync=True)[-1])

    def recover(self, rollback: Words) -> None:
        """End the transaction, whatever state it is in."""
        with contextlib.suppress(ServerError):
            self.exchange(sync=True)
        self.queue(rollback)
        self.exchange(sync=True)

    def close(self) -> None:
        """Give it up; whatever it was doing ends as the server likes."""
        self._owner.close()

    def _push(self) -> None:
        while self._libpq.flush():
            self._poll.modify(self._libpq.socket, select.POLLIN | select.POLLOUT)
            self._wait()
            self._poll.modify(self._libpq.socket, select.POLLIN)
            self._libpq.consume_input()

    def _result(self) -> pq.abc.PGresult:
        result = self._next()
        while self._get() is not None:  # each command ends with nothing
            pass
        return result

    def _next(self) -> pq.abc.PGresult:
        result = self._get()
        while result is None:
            if self._libpq.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError(self._libpq.get_error_message())
            result = self._get()
        return result

    def _get(self) -> pq.abc.PGresult | None:
        while self._libpq.is_busy():
            self._wait()
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _wait(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0 or not self._poll.poll(left * 1000):
            raise TimeoutError(f"PostgreSQL did not answer within {DEADLINE:.0f} s")

    def _notice(self, result: pq.abc.PGresult) -> None:
        severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
        self.warned = self.warned or severity == b"WARNING"


def _error(result: pq.abc.PGresult) -> Exception:
    field, names = result.error_field, pq.DiagnosticField
    if result.status == _ABORTED:
        return ServerError("25P02", "the transaction was aborted before", False)
    state = field(names.SQLSTATE)
    message = (field(names.MESSAGE_PRIMARY) or result.error_message).decode("utf-8", "replace").strip()
    if state is None:  # said by libpq itself
        return psycopg.OperationalError(message)
    return ServerError(state.decode(), message, field(names.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC"))
