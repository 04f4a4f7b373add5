"""Fuses: kill a worker with SIGKILL at a named point of a turn, once, with proof that it was there.

A test lights a fuse, which is a file with the phase's name. Whichever worker reaches that point next removes the file
(only one can), notes what it had under way, and kills itself before it does anything else. The product knows nothing
of it: the bot of the test wraps the product's methods when a worker loads it.
"""

import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

PHASES = {
    "storing": "an update is in the inbox's transaction, which is not committed",
    "stored": "the update is committed, and the platform has no answer",
    "locked": "the user lock is taken, and nothing is loaded",
    "running": "the bot runs the turn",
    "committed": "the turn is committed, and nothing is sent",
    "between": "the first reply is sent and noted, the second is not",
    "sent": "the platform has answered a reply, and it is still in the outbox",
    "done": "the last reply is sent and noted",
}
"""The points, in the order of a turn."""


class Kill(msgspec.Struct):
    """What a worker noted as its last deed."""

    phase: str
    pid: int
    at: float
    """Monotonic."""
    chats: list[str]
    """The chats whose user lock it held."""


class Fuses:
    """Fuses in a directory, for the test that lights them and the workers in which they burn.

    Args:
        directory: Exists, and belongs to one server.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._at_work: set[str] = set()
        self._in_quarantine = False

    # The test's side.

    def light(self, phase: str) -> None:
        """Have the next worker killed that reaches the phase."""
        assert phase in PHASES
        (self._directory / phase).touch(exist_ok=False)

    def lit(self, phase: str) -> bool:
        """Whether nobody has reached the phase yet."""
        return (self._directory / phase).exists()

    def kills(self) -> list[Kill]:
        """Return what burnt so far, in order."""
        notes = self._directory / "notes"
        lines = notes.read_bytes().splitlines() if notes.exists() else []
        return [msgspec.json.decode(line, type=Kill) for line in lines]

    # The worker's side.

    def burn(self, phase: str) -> None:
        """Be killed if the phase's fuse is lit. Not in the quarantine: what dies there as well is set aside."""
        if self._in_quarantine:
            return
        try:
            os.unlink(self._directory / phase)
        except FileNotFoundError:
            return
        kill = Kill(phase, os.getpid(), time.monotonic(), list(self._at_work))
        notes = os.open(self._directory / "notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(notes, msgspec.json.encode(kill) + b"\n")
        os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Put the fuses into this process; `running` is the bot's own."""
        from maxbot.channels.telegram import TelegramChannel
        from maxbot.delivery import Delivery
        from maxbot.delivery.suspects import InQuarantine
        from maxbot.inbox.accept import Inbox
        from maxbot.storage.store import Store
        from maxbot.storage.tables import inbox

        accept, work, load, make = inbox.accept, Delivery._work, Store.load, InQuarantine.__init__

        def quarantine(*arguments: Any) -> None:
            self._in_quarantine = True
            make(*arguments)

        def storing(*arguments: Any) -> Any:
            results = accept(*arguments)
            self.burn("storing")
            return results

        async def locked(delivery: Delivery, dialog: Any, *arguments: Any) -> Any:
            self._at_work.add(dialog.user)
            try:
                self.burn("locked")
                return await work(delivery, dialog, *arguments)
            finally:
                self._at_work.discard(dialog.user)

        async def done(store: Store, dialog: str, sent: Any = None, **options: Any) -> Any:
            result = await load(store, dialog, sent, **options)
            if sent:
                self.burn("done")
            return result

        setattr(InQuarantine, "__init__", quarantine)  # noqa: B010
        for owner, name, function in ((inbox, "accept", storing), (Delivery, "_work", locked), (Store, "load", done)):
            setattr(owner, name, function)
        self._burn_after(Inbox, "accept", "stored")
        self._burn_after(Store, "commit", "committed")
        self._burn_after(Store, "sent", "between")
        self._burn_after(TelegramChannel, "send", "sent")

    def _burn_after(self, owner: Any, name: str, phase: str) -> None:
        original: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def wrapped(*arguments: Any) -> Any:
            result = await original(*arguments)
            self.burn(phase)
            return result

        setattr(owner, name, wrapped)
