"""Delivers updates to a webhook as Telegram does, from a process of its own, and writes down what came of each.

A chat's updates are delivered one after another: the next one after a 2xx for the last, which is delivered again until
then. Chats take turns on a fixed number of keep-alive connections. `Plan` says how many, how fast and how nastily.

`python -m tests.support.load --plan JSON --record FILE` runs one plan; SIGINT or SIGTERM stop it before its end: no
new update begins, those under way are delivered until they are acknowledged.

Source: https://core.telegram.org/bots/api#setwebhook ("in case of an unsuccessful request, we will give up after a
reasonable amount of attempts"; `secret_token`; `max_connections`)
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Self, cast

import httptools
import msgspec
import uvloop

from tests.support.records import Delivery, LoadRecord, Sent

ROOT = Path(__file__).parents[2]


class Plan(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One run of the load generator. Shares are from 0 to 1."""

    port: int
    """Of the server, on 127.0.0.1."""
    path: str = "/telegram"
    secret: str = ""
    chats: int
    messages: int
    """For each chat."""
    connections: int = 40
    rate: float | None = None
    """Updates per second, all chats together, whether or not the answers keep up (open loop). None: each chat's next
    one as soon as the last is acknowledged (closed loop)."""
    repeated: float = 0.0
    """Share of updates delivered twice: half of them at the same moment on two connections, half of them up to
    half a second after the acknowledgement."""
    out_of_order: float = 0.0
    """Share of updates whose successor does not wait for them: half of them are delivered at the same moment as it,
    half of them after it."""
    at_once: int = 1
    """Updates of a chat that may be under way together. Telegram has one; more is for who does not wait."""
    seed: int = 0
    first_chat: int = 1
    first_number: int = 1
    """Of the messages of each chat; a second run continues where the first ended."""
    first_update: int = 1
    pause: float = 0.05
    """Seconds until what failed is delivered again."""
    timeout: float = 30.0
    """Seconds without an answer after which a delivery has failed."""
    give_up: float = 60.0
    """Seconds after the last success or new update when the rest is left undelivered, and the run ends."""


class Chat:
    """The updates of one chat that have not begun, in the order in which they will."""

    __slots__ = ("due", "left", "under_way")

    def __init__(self) -> None:
        self.left: deque[Task] = deque()
        self.due: deque[float] = deque()
        """Open loop: when each update that may begin was to begin."""
        self.under_way = 0
        """Updates begun and not yet acknowledged: the next one waits for them."""


class Task:
    """One update on its way until it is acknowledged."""

    __slots__ = ("again", "body", "chat", "sent", "together", "twin")

    def __init__(self, chat: Chat, sent: Sent, body: bytes) -> None:
        self.chat, self.sent, self.body = chat, sent, body
        self.twin = False
        """Delivered on two connections at the same moment."""
        self.again = False
        """Delivered once more after the acknowledgement."""
        self.together = False
        """The chat's next update does not wait for this one."""


class Load:
    """The deliveries of one plan. `run` returns the record."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.record = LoadRecord(0.0, 0.0, [])
        self._random = random.Random(plan.seed)
        self._chats = [Chat() for _ in range(plan.chats)]
        self._turns: list[Chat] = []
        """Open loop: whose update is due, one after another."""
        self._begun = 0
        self._ready: deque[tuple[Task, bool]] = deque()
        """Deliveries that wait for a connection, and whether it is a mere repetition."""
        self._idle: deque[Connection] = deque()
        self._not_begun = 0
        self._open = 0
        """Deliveries and repetitions that the end of the run waits for."""
        self._progress = 0.0
        self._over = asyncio.Event()
        self._prepare()

    async def run(self) -> LoadRecord:
        """Deliver everything; end when all is acknowledged, or nothing has moved for `give_up` seconds."""
        connections = [Connection(self) for _ in range(self.plan.connections)]
        tasks = [asyncio.create_task(connection.keep_open()) for connection in connections]
        cpu = time.process_time()
        self.record.started = self._progress = time.monotonic()
        if self.plan.rate is None:
            for chat in self._chats:
                self._begin_next(chat)
        else:
            tasks.append(asyncio.create_task(self._release(self.plan.rate)))
        tasks.append(asyncio.create_task(self._watch(connections)))
        self._end_if_done()
        await self._over.wait()
        self.record.ended = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            connection.close()
        self.record.updates = [update for update in self.record.updates if update.deliveries]
        self.record.cpu = time.process_time() - cpu
        return self.record

    def stop(self) -> None:
        """Begin no new update; `run` returns when those under way are acknowledged."""
        self._not_begun = 0
        for chat in self._chats:
            chat.left.clear()
        self._end_if_done()

    # From the plan to tasks.

    def _prepare(self) -> None:
        """Build all updates before the first is sent, so that building them costs nothing while it is measured."""
        plan, update_id, now = self.plan, self.plan.first_update, int(time.time())
        head = (
            f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {plan.secret}\r\nContent-Length: "
        )
        for number in range(plan.first_number, plan.first_number + plan.messages):
            tasks = []
            for index, chat in enumerate(self._chats):
                user = plan.first_chat + index
                text = f"{user}/{number}"
                person = f'"id":{user},"first_name":"User {user}"'
                body = (
                    f'{{"update_id":{update_id},"message":{{"message_id":{number},"date":{now},"text":"{text}",'
                    f'"from":{{{person},"is_bot":false,"language_code":"en"}},"chat":{{{person},"type":"private"}}}}}}'
                )
                sent = Sent(update_id, str(user), text, 0.0, [])
                self.record.updates.append(sent)
                tasks.append(Task(chat, sent, f"{head}{len(body)}\r\n\r\n{body}".encode()))
                update_id += 1
            self._random.shuffle(tasks)
            for task in tasks:
                task.chat.left.append(task)
                self._turns.append(task.chat)
        self._not_begun = len(self._turns)
        if plan.repeated or plan.out_of_order:
            for chat in self._chats:
                self._make_nasty(chat)

    def _make_nasty(self, chat: Chat) -> None:
        tasks = list(chat.left)
        chance = self._random.random
        for task in tasks:
            if chance() < self.plan.repeated:
                if chance() < 0.5:
                    task.twin = True
                else:
                    task.again = True
        index = 0
        while index < len(tasks) - 1:
            if chance() < self.plan.out_of_order:
                if chance() < 0.5:
                    tasks[index].together = True
                else:
                    tasks[index], tasks[index + 1] = tasks[index + 1], tasks[index]
                index += 1
            index += 1
        chat.left = deque(tasks)

    # What is delivered when.

    async def _release(self, rate: float) -> None:
        """Open loop: let the next updates begin when they are due, whatever became of the earlier ones."""
        for number, chat in enumerate(self._turns):
            due = self.record.started + number / rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self.record.late = max(self.record.late, time.monotonic() - due)
            chat.due.append(due)
            self._begin_next(chat)

    def _begin_next(self, chat: Chat) -> None:
        """Begin the chat's next update, unless it has to wait."""
        open_loop = self.plan.rate is not None
        while chat.left and chat.under_way < self.plan.at_once and (chat.due or not open_loop):
            task = chat.left.popleft()
            self._begin(task, chat.due.popleft() if open_loop else time.monotonic())
            if task.together and chat.left and (chat.due or not open_loop):
                follower = chat.left.popleft()
                self._begin(follower, chat.due.popleft() if open_loop else time.monotonic())
        self._pump()

    def _begin(self, task: Task, due: float) -> None:
        task.sent.due = due
        task.chat.under_way += 1
        self._not_begun -= 1
        self._progress = time.monotonic()  # not `due`: a run that is a minute behind would give up in the middle
        self._enqueue(task)
        if task.twin:
            self._enqueue(task, repetition=True)

    def _enqueue(self, task: Task, repetition: bool = False) -> None:
        self._open += 1
        self._ready.append((task, repetition))

    def _pump(self) -> None:
        """Hand what is ready to the connections that have nothing to do, the longest idle first."""
        while self._ready and self._idle:
            self._idle.popleft().deliver(*self._ready.popleft())

    def idle(self, connection: "Connection") -> None:
        self._idle.append(connection)
        self._pump()

    def dropped(self, connection: "Connection") -> None:
        """The server closed a connection that had nothing to do."""
        self.record.dropped_idle += 1
        self._idle.remove(connection)

    def delivered(self, task: Task, repetition: bool, delivery: Delivery) -> None:
        """A delivery is over, one way or the other."""
        loop = asyncio.get_running_loop()
        self._open -= 1
        if not repetition and not delivery.acknowledged:
            self._open += 1
            loop.call_later(self.plan.pause, self._redeliver, task)
        elif not repetition:
            self._progress = time.monotonic()
            if task.again:
                self._open += 1
                loop.call_later(self._random.random() / 2, self._repeat, task)
            task.chat.under_way -= 1
            self._begin_next(task.chat)
        self._end_if_done()

    def _redeliver(self, task: Task) -> None:
        self._ready.append((task, False))
        self._pump()

    def _repeat(self, task: Task) -> None:
        self._ready.append((task, True))
        self._pump()

    def _end_if_done(self) -> None:
        if self._open == 0 and self._not_begun <= 0:
            self._over.set()

    async def _watch(self, connections: list["Connection"]) -> None:
        """Give up deliveries without an answer, and in the end the run."""
        while True:
            await asyncio.sleep(0.25)
            now = time.monotonic()
            for connection in connections:
                connection.expire(now - self.plan.timeout)
            if now - self._progress > self.plan.give_up:
                self._over.set()


class Connection(asyncio.Protocol):
    """One of the platform's connections to the server, opened again when it ends."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._under_way: tuple[Task, bool, Delivery] | None = None
        self._lost = asyncio.Event()
        self._timed_out = False
        self.usable = False

    async def keep_open(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._lost.clear()
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self._load.plan.port)
            except OSError:
                self._load.record.refused += 1
                await asyncio.sleep(0.05)
            else:
                await self._lost.wait()

    def deliver(self, task: Task, repetition: bool) -> None:
        assert self._under_way is None
        delivery = Delivery(time.monotonic())
        task.sent.deliveries.append(delivery)
        self._under_way = (task, repetition, delivery)
        self._transport.write(task.body)

    def expire(self, before: float) -> None:
        """Give up what was sent before that time and has no answer."""
        if self.usable and self._under_way is not None and self._under_way[2].sent < before:
            self._timed_out = True
            self._transport.abort()

    def close(self) -> None:
        if self.usable:
            self.usable = False
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses of it
        self._parser = httptools.HttpResponseParser(self)
        self._timed_out = False
        self.usable = True
        self._load.idle(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_complete(self) -> None:
        """httptools has found the end of an answer."""
        assert self._under_way is not None, "an answer that nobody asked for"
        task, repetition, delivery = self._under_way
        self._under_way = None
        delivery.answered = time.monotonic()
        delivery.status = self._parser.get_status_code()
        if self._parser.should_keep_alive():
            self._load.idle(self)
        else:
            self.usable = False
            self._transport.close()
        self._load.delivered(task, repetition, delivery)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._under_way is not None:
            task, repetition, delivery = self._under_way
            self._under_way = None
            delivery.answered = time.monotonic()
            delivery.error = "timeout" if self._timed_out else "closed" if exc is None else "reset"
            self._load.delivered(task, repetition, delivery)
        elif self.usable:
            self._load.dropped(self)
        self.usable = False
        self._lost.set()


class LoadProcess:
    """Runs a plan in a process of its own.

    Used as a context manager, so that a test that fails leaves no process behind.
    """

    def __init__(self, plan: Plan) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="load-")
        self._file = Path(self._directory.name) / "record.json"
        arguments = ["--plan", msgspec.json.encode(plan).decode(), "--record", str(self._file)]
        self._process = subprocess.Popen([sys.executable, "-m", __spec__.name, *arguments], cwd=ROOT)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Begin no new update. `result` then returns when those under way are acknowledged."""
        self._process.send_signal(signal.SIGTERM)

    def result(self, timeout: float = 300.0) -> LoadRecord:
        """Wait for the end and return what was seen.

        Raises:
            subprocess.TimeoutExpired: It did not end within `timeout` seconds.
        """
        status = self._process.wait(timeout)
        if status != 0:
            raise RuntimeError(f"the load generator failed with status {status}; its reason is above")
        return msgspec.json.decode(self._file.read_bytes(), type=LoadRecord)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self._process.kill()
            self._process.wait(10)
        self._directory.cleanup()


def deliver(plan: Plan, timeout: float = 300.0) -> LoadRecord:
    """Run a plan in a process of its own and return what was seen."""
    with LoadProcess(plan) as load:
        return load.result(timeout)


async def _run(plan: Plan) -> LoadRecord:
    load = Load(plan)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, load.stop)
    return await load.run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.load", description="Deliver updates to a webhook.")
    parser.add_argument("--plan", metavar="JSON", required=True, help="fields of Plan")
    parser.add_argument("--record", metavar="FILE", type=Path, required=True, help="gets the LoadRecord as JSON")
    arguments = parser.parse_args()
    plan = msgspec.json.decode(arguments.plan, type=Plan)
    arguments.record.write_bytes(msgspec.json.encode(uvloop.run(_run(plan))))


if __name__ == "__main__":
    main()
