"""A connection on which what is queued leaves as one text: a round trip, and the driver's costs, once."""

import contextlib
from collections.abc import Callable
from typing import Any

from maxbot.storage.mysql.driver import Driver, Result

LARGEST_TEXT = 1024 * 1024
"""What has more characters leaves, whether somebody waits for a result or not."""

# https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's errors of clients: no connection, or none any more.
LOST = {0, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2055, 3169, 4031}

UNREACHED = {2002, 2003}
"""Those of `LOST` that say that no server took the connection."""

PACKET_TOO_LARGE = 1153
ENDED = 2013  # lost while it ran a statement

Check = Callable[[Result], Exception | None]


class ServerError(Exception):
    """The server refused a statement, or is not there.

    Args:
        code: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
        message: The server's own text.
        last: Whether all statements that left with it were run.
    """

    def __init__(self, code: int, message: str, *, last: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.last = last

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use."""
        return self.code in LOST


def server_error(error: Exception, *, last: bool = False) -> ServerError | None:
    """Return a driver's error as ours; None where it is somebody else's."""
    if isinstance(error, ServerError):
        return error
    if type(error).__module__.partition(".")[0] in ("MySQLdb", "pymysql"):
        code, message = (*error.args, "", "")[:2] if error.args else (0, "")
        known = isinstance(code, int)
        return ServerError(code if known else 0, str(message if known else code) or "connection lost", last=last)
    return ServerError(ENDED, error.strerror or str(error), last=last) if isinstance(error, OSError) else None


class Connection:
    """Runs statements.

    Args:
        driver: Connected.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._queued: list[tuple[str, Check | None]] = []
        self._size = 0
        self._early: list[Result] = []
        self.largest: int | None = None
        """Bytes that the server takes as one statement, once it is known."""

    def queue(self, text: str, check: Check | None = None) -> None:
        """Add a statement to what leaves next.

        Args:
            text: Of one statement.
            check: Given its result; returns an error where it must not be like that.
        """
        if self.largest is not None and len(text) > self.largest - 1024:
            raise ServerError(PACKET_TOO_LARGE, f"{len(text)} bytes are more than max_allowed_packet")
        if self._queued and self._size + len(text) > LARGEST_TEXT:
            self._early += self._leave()
        self._queued.append((text, check))
        self._size += len(text)

    def exchange(self) -> list[Result]:
        """Send what is queued, and return the results of all that was since the last exchange.

        Raises:
            ServerError: One of them failed, and those after it were not run; or the connection is lost.
        """
        early, self._early = self._early, []
        return early + self._leave()

    def _leave(self) -> list[Result]:
        queued, self._queued, self._size = self._queued, [], 0
        results: list[Result] = []
        if queued:
            try:
                self._driver.run("; ".join([text for text, _ in queued]), results)
            except Exception as error:
                if (ours := server_error(error, last=len(results) == len(queued) - 1)) is None:
                    raise
                raise ours from None
            if len(results) < len(queued):
                # Seen after a silence of the network: the answer ends between two statements, without an error.
                raise ServerError(ENDED, f"ended after {len(results)} of {len(queued)} statements")
        for (_, check), result in zip(queued, results, strict=True):
            if check is not None and (failure := check(result)) is not None:
                raise failure
        return results

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        self.queue(text)
        return self.exchange()[-1].rows

    def forget(self) -> None:
        """Forget what is queued."""
        self._queued, self._early, self._size = [], [], 0

    def close(self) -> None:
        """Give it up; the server rolls back."""
        with contextlib.suppress(Exception):
            self._driver.close()
