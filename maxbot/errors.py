"""Every error a user can meet.

MaxBotError
├── UsageError            options that do not go together, or a value nobody can use     exit code 2
│   └── LoopRunning           what blocks was called where an event loop runs; also a RuntimeError
├── BotError              a bot's own file or module is wrong; knows file, line, column   exit code 1
│   └── TurnError             the bot failed at a message
├── StartError            the machine says no: port in use, database not writable         exit code 1
├── StorageError          the database did not do it; nothing was stored
│   └── StorageUnavailable    it may work later: locked, disk full, connection lost
│       ├── StorageDamaged        what it asks for cannot be read any more; other things can
│       └── StorageInterrupted    it would probably work now: a deadlock, a connection that was lost
│           └── CommitUnknown         nobody knows whether it was stored, until it is looked up
├── RequestError          a request from the network is refused; knows the HTTP status
│   ├── Unauthorized          401: no or a wrong signature
│   ├── Forbidden             403: not from there, or a handshake with a wrong token
│   ├── BadRequest            400: not what the platform sends
│   └── WrongMediaType        415: it must be of another media type
├── SendError             a channel could not send a command; knows the reason
│   ├── RetryLater            nothing was sent; worth another attempt; knows how far it reaches
│   │   ├── Misconfigured         the whole channel: its token or account must be mended by the operator
│   │   └── Moved                 the user has another name now; knows it
│   ├── OutcomeUnknown        it left, and nobody knows whether it arrived
│   └── Undeliverable         it never will arrive
│       └── DialogClosed          nor will anything else, until the user writes again
├── CannotFetch           a user's file cannot be had; knows the reason
├── RpcError              a program's request is refused; knows code, message and data
└── LockLost              the user lock was lost while it was held
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

SHOWN_MISTAKES = 20
"""Mistakes of a bot that are printed at once."""

SHOWN_WIDTH = 160
"""Characters of a line that are shown around a mistake."""


class MaxBotError(Exception):
    """Base of all errors of maxbot."""


class UsageError(MaxBotError):
    """Options that do not go together, or a value that cannot be used. The text says what to do."""


class LoopRunning(UsageError, RuntimeError):
    """What blocks until it is done was called where an event loop is running."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong in a bot's files."""

    message: str
    """What is wrong and what to do."""
    file: str | None = None
    """As the user wrote it, where known."""
    line: int | None = None
    """Counted from 1."""
    column: int | None = None
    """Counted from 1."""
    source: str | None = None
    """The text of that line."""
    above: tuple[str, ...] = ()
    """The lines before it."""
    below: tuple[str, ...] = ()
    """The lines behind it."""

    def __str__(self) -> str:
        return "\n".join([self.sentence, *self._excerpt()])

    @property
    def sentence(self) -> str:
        """The place and the message, in one line."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.message}" if place else self.message

    @property
    def excerpt(self) -> str:
        """The lines around it, with a mark below the column; empty where they are not known."""
        return "\n".join(self._excerpt())

    def _excerpt(self) -> Iterator[str]:
        if self.source is None or self.line is None:
            return
        first = self.line - len(self.above)
        width = len(str(self.line + len(self.below)))
        # A line may be as long as its file: what is shown of it is what stands around the column.
        skip = max((self.column or 1) - SHOWN_WIDTH // 2, 0)
        for number, line in enumerate((*self.above, self.source, *self.below), first):
            yield f"    {number:>{width}} | {line[skip : skip + SHOWN_WIDTH]}".rstrip()
            if number == self.line and self.column is not None:
                # Tabs keep their width, so that the mark stands below the column whatever the terminal does.
                lead = "".join("\t" if char == "\t" else " " for char in self.source[skip : self.column - 1])
                yield f"    {'':>{width}} | {lead}^"


class BotError(MaxBotError):
    """A bot's files or module are wrong, in one or several places.

    `message`, `file`, `line`, `column` and `source` are those of the first mistake.

    Args:
        message: What is wrong and what to do.
        file: Path of the file as the user wrote it, where known.
        line: Counted from 1.
        column: Counted from 1.
        source: The text of that line.
        above: The lines before it.
        below: The lines behind it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source: str | None = None,
        above: tuple[str, ...] = (),
        below: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.mistakes: tuple[Mistake, ...] = (Mistake(message, file, line, column, source, above, below),)
        """All that is wrong, the first thing first."""
        self.unsaid = 0
        """How many mistakes there are besides those: somebody who has a hundred does not want to read more."""

    @classmethod
    def of(cls, mistakes: Sequence[Mistake], unsaid: int = 0) -> "BotError":
        """Return the error for several mistakes; there is at least one."""
        error = cls(mistakes[0].message)
        error.mistakes = tuple(mistakes)
        error.unsaid = unsaid
        return error

    @property
    def message(self) -> str:
        """What is wrong and what to do."""
        return self.mistakes[0].message

    @property
    def file(self) -> str | None:
        """The file of the first mistake, where known."""
        return self.mistakes[0].file

    @property
    def line(self) -> int | None:
        """Its line, counted from 1."""
        return self.mistakes[0].line

    @property
    def column(self) -> int | None:
        """Its column, counted from 1."""
        return self.mistakes[0].column

    @property
    def source(self) -> str | None:
        """The text of its line."""
        return self.mistakes[0].source

    @property
    def snippets(self) -> list[str]:
        """The lines around each mistake, with a mark below its column; nothing of those whose place is not known."""
        return [mistake.excerpt for mistake in self.mistakes if mistake.excerpt]

    def __str__(self) -> str:
        shown = [str(mistake) for mistake in self.mistakes[:SHOWN_MISTAKES]]
        left = len(self.mistakes) - len(shown) + self.unsaid
        if left:
            shown.append(f"... and {left} more {'mistake' if left == 1 else 'mistakes'}")
        return "\n".join(shown)


class TurnError(BotError):
    """The bot failed at a message. The text has file and line of the bot's own code where they are known.

    Args:
        message: What went wrong.
        mistake: The same with file, line and excerpt, where a text of the bot's files is to blame.
    """

    def __init__(self, message: str, mistake: BotError | None = None) -> None:
        super().__init__(message)
        if mistake is not None:
            self.mistakes = tuple(replace(one, message=message) for one in mistake.mistakes)
        self.mistake = mistake
        self.visited: Any = None
        """What happened in the dialog before it failed, for the journal."""
        self.told = False
        """Whether a journal of the author's own has taken it."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        return place + self.message


class StartError(MaxBotError):
    """The server cannot start here. The text says what to do."""


class StorageError(MaxBotError):
    """The database did not do what was asked. Nothing was stored."""


class StorageUnavailable(StorageError):
    """The database cannot be used now (locked, full, gone). The same call may work later."""


class StorageDamaged(StorageUnavailable):
    """The database is damaged where this call needs it; other calls may work. A backup mends it, nothing else."""


class StorageInterrupted(StorageUnavailable):
    """The transaction was ended by others (deadlock, lost connection). Run again, it probably succeeds."""


class SessionLost(StorageInterrupted):
    """Others took this worker for dead, and may have taken over its dialogs. It goes on with a new session."""


class CommitUnknown(StorageInterrupted):
    """The connection was lost between the question and the answer whether all is stored: look it up."""


class RequestError(MaxBotError):
    """A request from the network is refused; nothing of it was stored. The text is safe to log and to answer."""

    status = 400


class Unauthorized(RequestError):
    """The signature or token is missing or wrong."""

    status = 401


class BadRequest(RequestError):
    """The request is not what the platform sends."""

    status = 400


class WrongMediaType(RequestError):
    """The request has another media type than the channel takes."""

    status = 415


class Forbidden(RequestError):
    """Whoever asks may not: from there, or without the token that a handshake takes."""

    status = 403


class SendError(MaxBotError):
    """A channel could not send a command.

    Args:
        reason: For the log; the platform's own text where it says one.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(SendError):
    """Nothing was sent; it is worth another attempt.

    Args:
        reason: For the log.
        retry_after: Seconds that the platform asks to wait; None leaves it to the caller's backoff.
        reach: Whether the other dialogs of the channel must wait as well.
    """

    def __init__(
        self, reason: str, retry_after: float | None = None, *, reach: Literal["dialog", "channel"] = "dialog"
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.reach = reach


class Misconfigured(RetryLater):
    """Nothing was sent, and nothing can be on this channel until its operator mends it: the text says what."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, reach="channel")


class Moved(RetryLater):
    """Nothing was sent, as the user has another name now: the dialog goes on under that one.

    Args:
        reason: For the log.
        user: The new name.
    """

    def __init__(self, reason: str, user: str) -> None:
        super().__init__(reason)
        self.user = user


class OutcomeUnknown(SendError):
    """The command left, and nobody knows whether it arrived (connection lost, 5xx, no answer in time)."""


class Undeliverable(SendError):
    """The command never will arrive (bad request); `reason` is the platform's own text."""


class DialogClosed(Undeliverable):
    """Nothing will arrive in this dialog until its user writes again (blocked the bot, left)."""


class CannotFetch(MaxBotError):
    """A file cannot be had: it is gone, too large, too slow, or at an address that may not be asked.

    Args:
        reason: Safe to log; the platform's own text where it says one.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RpcError(MaxBotError):
    """A request of another program is refused; nothing has changed.

    Args:
        code: As JSON-RPC numbers them: -32600 for what is no request, -32601 for an unknown method, -32602 for
            parameters that do not fit, -32100 for an unknown channel, -32102 for a user who must not be written to now.
        message: What goes with the code.
        data: What is wrong, by key.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message}: {data}")
        self.code = code
        self.message = message
        self.data = data


class LockLost(MaxBotError):
    """The user lock was lost while it was held: whoever held it must do nothing more for that dialog."""
