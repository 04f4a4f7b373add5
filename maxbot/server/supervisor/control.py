"""What supervisor and workers say to each other, over a socket pair each: one JSON object a line.

    supervisor ─▶ worker    Start (once, first), Poll, Ended, Wake, Register, Stop; to the quarantine: Try
    worker ─▶ all others    Whisper, by way of the supervisor
    worker ─▶ supervisor    Ready, Beat (every second, from the event loop itself), Failed, Registered, Suspected, Done

The end of the file says that the other one is gone.
"""

import asyncio
import contextlib
import socket
from typing import Any, TypeAlias

import msgspec

from maxbot.server.plan import Plan
from maxbot.types import Dialog

LINE_LIMIT = 4 * 1024 * 1024
HEAVY = 256 * 1024
"""Bytes that wait for the other end, from which on it is told no whispers."""


class Start(msgspec.Struct, tag=True, frozen=True):
    """All that a worker is told before it loads the bot."""

    name: str
    plan: Plan
    listeners: list[int]
    """File descriptors of the listening sockets."""
    locks: int
    """File descriptor of the connection to the supervisor's lock server."""
    board: int
    """File descriptor of the memory where it notes what it has under way."""
    suspects: int
    """File descriptor of the memory where the supervisor notes which updates it must not run."""
    first: bool = False
    """Whether nobody has served in this run yet: nobody knows how the run before it ended."""
    quarantine: bool = False
    """Whether it takes nothing in and runs what it is told to try."""


class Poll(msgspec.Struct, tag=True, frozen=True):
    """Fetch updates from now on: nobody else does."""


class Ended(msgspec.Struct, tag=True, frozen=True):
    """Another worker has ended: take up what it left."""

    pid: int
    """Its process: on a database that several hosts share it counts as dead from now on."""


class Wake(msgspec.Struct, tag=True, frozen=True):
    """A suspect of this dialog is through: go on with what waits behind it."""

    dialog: Dialog


class Try(msgspec.Struct, tag=True, frozen=True):
    """Run a suspect, in the quarantine."""

    dialog: Dialog
    update: int
    alone: bool
    """Whether it is the only one."""


class Register(msgspec.Struct, tag=True, frozen=True):
    """Register the webhooks; one worker is asked."""


class Leave(msgspec.Struct, tag=True, frozen=True):
    """A stop is near: serve, and say that you are not ready."""


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Finish what is under way and end."""

    linger: float
    """Seconds for which open connections may still send a request."""


class Whisper(msgspec.Struct, tag=True, frozen=True):
    """What a channel says to itself in the other workers: shown to who looks, and no harm is done where it is lost."""

    channel: str
    said: Any


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The worker serves; one that is to poll waits for `Poll`. And what it has found the bot to be."""

    files: list[str] = []
    """What it was read from; absolute paths."""
    secrets: list[str] = []
    """Must never reach a log, the supervisor's neither."""
    identity: str = ""
    """Another one where webhooks have to be registered again."""


class Beat(msgspec.Struct, tag=True, frozen=True):
    """The worker's event loop runs."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The worker cannot serve, and says why before it ends."""

    reason: str


class Registered(msgspec.Struct, tag=True, frozen=True):
    """The webhooks are registered."""


class Suspected(msgspec.Struct, tag=True, frozen=True):
    """This is the oldest update of its dialog, and the worker does not run it."""

    dialog: Dialog
    update: int
    attempts: int


class Done(msgspec.Struct, tag=True, frozen=True):
    """The end of a trial, or of a guilty update, which was set aside."""

    dialog: Dialog
    update: int
    ran: bool = True
    """False where something else of the dialog has to wait: it is still to be tried."""


ToWorker: TypeAlias = Start | Poll | Ended | Wake | Try | Register | Leave | Stop | Whisper
ToSupervisor: TypeAlias = Ready | Beat | Failed | Registered | Suspected | Done | Whisper


def encode(message: ToWorker | ToSupervisor) -> bytes:
    """Return a message as it travels."""
    return msgspec.json.encode(message) + b"\n"


class Control:
    """One end of the connection, on an event loop.

    Args:
        reader: From the other end.
        writer: To it.
        kind: What the other end says: `ToWorker` or `ToSupervisor`.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._decode = msgspec.json.Decoder(kind).decode

    @classmethod
    async def open(cls, sock: socket.socket, kind: Any) -> "Control":
        """Take over a connected socket."""
        reader, writer = await asyncio.open_connection(sock=sock, limit=LINE_LIMIT)
        return cls(reader, writer, kind)

    def send(self, message: ToWorker | ToSupervisor) -> None:
        """Say something; nothing happens if the other end is gone."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    def send_lightly(self, message: ToWorker | ToSupervisor) -> None:
        """Say something that the other end need not hear: nothing, where it does not keep up."""
        if self._writer.transport.get_write_buffer_size() < HEAVY:
            self.send(message)

    async def flush(self) -> None:
        """Wait until all that was said has left."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def receive(self) -> Any:
        """Return what the other end says next; None once it is gone."""
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError):
            return None
        return self._decode(line) if line.endswith(b"\n") else None

    def close(self) -> None:
        """Close this end."""
        self._writer.close()


def receive_start(sock: socket.socket) -> Start | None:
    """Wait for the first message, without an event loop; None if the supervisor is gone."""
    line = bytearray()
    while not line.endswith(b"\n"):
        # No byte too many: what follows the first line is for whoever listens on the event loop.
        chunk = sock.recv(65536, socket.MSG_PEEK)
        if not chunk:
            return None
        line += sock.recv(chunk.index(b"\n") + 1 if b"\n" in chunk else len(chunk))
    return msgspec.json.decode(line, type=Start)
