"""Every error a user can meet.

MaxBotError
├── UsageError            options that do not go together, or a value nobody can use     exit code 2
├── BotError              a bot's own file or module is wrong; knows file, line, column   exit code 1
├── StartError            the machine says no: port in use, database not writable         exit code 1
├── StorageError          the database did not do it; nothing was stored
│   └── StorageUnavailable    it may work later: locked, disk full, connection lost
├── RequestError          a request from the network is refused; knows the HTTP status
│   ├── Unauthorized          401: no or a wrong signature
│   └── BadRequest            400: not what the platform sends
├── SendError             a channel could not send a command
│   ├── RetryLater            nothing was sent; worth another attempt
│   ├── OutcomeUnknown        it left, and nobody knows whether it arrived
│   └── Undeliverable         it never will arrive
├── TurnError             the bot failed at a message; knows file and line where it can
└── LockLost              the user lock was lost while it was held
"""


class MaxBotError(Exception):
    """Base of all errors of maxbot."""


class UsageError(MaxBotError):
    """Options that do not go together, or a value that cannot be used. The text says what to do."""


class BotError(MaxBotError):
    """A bot's file or module is wrong.

    Args:
        message: What is wrong and what to do.
        file: Path of the file as the user wrote it, where known.
        line: Counted from 1.
        column: Counted from 1.
        source: The text of that line.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source = source

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        if self.source is not None:
            text += f"\n    {self.source}"
            if self.column is not None:
                # Tabs keep their width, so that the mark stands below the column whatever the terminal does.
                lead = "".join("\t" if char == "\t" else " " for char in self.source[: self.column - 1])
                text += f"\n    {lead}^"
        return text


class StartError(MaxBotError):
    """The server cannot start here. The text says what to do."""


class StorageError(MaxBotError):
    """The database did not do what was asked. Nothing was stored."""


class StorageUnavailable(StorageError):
    """The database cannot be used now (locked, full, gone). The same call may work later."""


class RequestError(MaxBotError):
    """A request from the network is refused; nothing of it was stored. The text is safe to log and to answer."""

    status = 400


class Unauthorized(RequestError):
    """The signature or token is missing or wrong."""

    status = 401


class BadRequest(RequestError):
    """The request is not what the platform sends."""

    status = 400


class SendError(MaxBotError):
    """A channel could not send a command."""


class RetryLater(SendError):
    """Nothing was sent; it is worth another attempt.

    Args:
        reason: For the log.
        retry_after: Seconds that the platform asks to wait; None leaves it to the caller's backoff.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class OutcomeUnknown(SendError):
    """The command left, and nobody knows whether it arrived (connection lost, 5xx, no answer in time)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undeliverable(SendError):
    """The command never will arrive (user blocked the bot, bad request); `reason` is the platform's own text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TurnError(MaxBotError):
    """The bot failed at a message. The text has file and line of the bot's own code where they are known."""


class LockLost(MaxBotError):
    """The user lock was lost while it was held: whoever held it must do nothing more for that dialog."""
