"""A bot on a channel `probe` that writes down what it receives and sends, and fails or waits as it is told.

Environment:
    PROBE_SENT      file that gets a line `user key text` for each reply; none are kept without
    PROBE_RECEIVED  file that gets the key of each update that a request delivered, before it is stored
    PROBE_TURNS     file that gets the text of each turn that begins
    PROBE_SLEEP     seconds that `nap` takes
    PROBE_CHILD     file that gets the descriptors of the process that `spawn` starts
    PROBE_START     seconds that the import takes in a worker
    PROBE_BROKEN    a file: while it is there, the import fails in a worker, with its text as the reason
    PROBE_ALONE     a file: the import fails in a worker while another worker holds it
    PROBE_STARTS    file that gets a line for each import in a worker
    PROBE_FORKS     how the import makes a child that lives on, as libraries do: `fork`, `unheard` (Python is not told)

A message is answered with its own text. `sleep 3` is answered after 3 seconds; `block 3` blocks the event loop, `spin`
for ever; `exit` ends the process, `exit later` in a thread after a moment, `end` the supervisor; `interrupt` and
`memory` raise what their names say, `interrupt later` in the event loop itself. `kill` ends the process when its answer
is sent.
"""

import asyncio
import ctypes
import fcntl
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from maxbot import Channel, MaxBot
from maxbot.bot.handler import Turn
from maxbot.channels.base import Request as ChannelRequest
from maxbot.errors import BadRequest, Unauthorized
from maxbot.locks.host import UnixLocks
from maxbot.types import Command, Dialog, Update

SECRET = "canary-of-the-probe-channel"


class Delivery(msgspec.Struct):
    """What a webhook of the channel holds, in a list."""

    user: str
    key: str
    text: str


_decode = msgspec.json.Decoder(list[Delivery]).decode


def _write(variable: str, line: str) -> None:
    if path := os.environ.get(variable):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)


class ProbeChannel(Channel):
    name = "probe"

    @property
    def secrets(self) -> Sequence[str]:
        return (SECRET,)

    def verify(self, request: ChannelRequest) -> None:
        if request.headers.get("x-secret") != SECRET:
            raise Unauthorized("The secret is missing or wrong")

    def parse(self, request: ChannelRequest) -> list[Update]:
        try:
            deliveries = _decode(request.body)
        except msgspec.DecodeError as error:
            raise BadRequest("Not a list of deliveries") from error
        for delivery in deliveries:
            _write("PROBE_RECEIVED", delivery.key)
        return [
            Update(Dialog(self.name, delivery.user), delivery.key, {"text": delivery.text}) for delivery in deliveries
        ]

    async def send(self, command: Command, dialog: Dialog) -> None:
        text = command.content["text"]
        if text.startswith("kill"):
            _write("PROBE_TURNS", f"sending {text}")
            if text == "kill later":
                await asyncio.sleep(0.01)
            os._exit(3)
        _write("PROBE_SENT", f"{dialog.user} {text}")

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/probe/pid", self._pid),
            Route("/probe/slow/{seconds:float}", self._slow),
            Route("/probe/block/{seconds:float}", self._block),
        ]

    async def _pid(self, request: Request) -> Response:
        return PlainTextResponse(str(os.getpid()))

    async def _slow(self, request: Request) -> Response:
        await asyncio.sleep(request.path_params["seconds"])
        return PlainTextResponse(str(os.getpid()))

    async def _block(self, request: Request) -> Response:
        time.sleep(request.path_params["seconds"])  # noqa: ASYNC251 - the event loop is to stand still
        return PlainTextResponse(str(os.getpid()))


bot = MaxBot(channels=[ProbeChannel()])


@bot.handler
async def answer(turn: Turn) -> None:
    text = turn.message["text"]
    what, _, argument = text.partition(" ")
    _write("PROBE_TURNS", text)
    match what:
        case "nap":
            await asyncio.sleep(float(os.environ["PROBE_SLEEP"]))
        case "sleep":
            await asyncio.sleep(float(argument))
        case "block":
            time.sleep(float(argument))  # noqa: ASYNC251 - the event loop is to stand still
        case "thread":
            await asyncio.to_thread(time.sleep, float(argument))
        case "exit":
            if argument:
                threading.Timer(0.05, os._exit, [3]).start()
                await asyncio.sleep(60)
            os._exit(3)
        case "end":
            os.kill(os.getppid(), signal.SIGKILL)
            await asyncio.sleep(60)
        case "spin":
            while True:
                pass
        case "interrupt":
            if argument:
                asyncio.get_running_loop().call_soon(_interrupt)
                await asyncio.sleep(60)
            raise KeyboardInterrupt
        case "memory":
            raise MemoryError
        case "spawn":  # a child that shows which descriptors it got
            script = "import os, time; print(os.listdir('/proc/self/fd'), flush=True); time.sleep(60)"
            with open(os.environ["PROBE_CHILD"], "wb") as output:  # noqa: ASYNC230
                subprocess.Popen([sys.executable, "-c", script], stdout=output, stderr=output)  # noqa: ASYNC220
        case "fork":  # a child that takes along all that is open, and lives on
            _fork(argument)
    turn.say(text)


def _fork(how: str) -> None:
    if how == "daemon":
        process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
        process.start()
        assert process.pid is not None
        child = process.pid
    elif how == "executor":
        executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
        child = executor.submit(os.getpid).result()
        _executors.append(executor)
    else:
        child = ctypes.CDLL(None).fork() if how == "unheard" else os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    _write("PROBE_CHILD", str(child))


_executors: list[ProcessPoolExecutor] = []


def _interrupt() -> None:
    raise KeyboardInterrupt


def _cut_off_user_locks(number: int, frame: object) -> None:
    """At a SIGUSR1 do what else only a bug of the server's does."""
    gc.unfreeze()  # or it is not to be found
    for found in gc.get_objects():
        if isinstance(found, UnixLocks):
            found._transport.abort()


def _start_as_told() -> None:
    if (
        sys.modules["__main__"].__spec__ is None
        or sys.modules["__main__"].__spec__.name != "maxbot.server.worker.__main__"
    ):
        return
    signal.signal(signal.SIGUSR1, _cut_off_user_locks)
    _write("PROBE_STARTS", str(os.getpid()))
    if forks := os.environ.get("PROBE_FORKS"):
        _fork(forks)
    time.sleep(float(os.environ.get("PROBE_START", "0")))
    broken = os.environ.get("PROBE_BROKEN")
    if broken and Path(broken).exists():
        raise RuntimeError(Path(broken).read_text())
    if alone := os.environ.get("PROBE_ALONE"):
        global _held
        _held = os.open(alone, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(_held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("there can be only one") from None


_held: int | None = None
_start_as_told()
