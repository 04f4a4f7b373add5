"""Measures one system once. All of it happens on one machine: the load, the platform's stand-in and the server."""

import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.systems import SECRET, System
from tests.support.load import Plan, deliver
from tests.support.processes import Server
from tests.support.records import LoadRecord
from tests.support.telegram import TelegramStandIn

CONNECTIONS = 64
CHATS = 500
FIXED_RATE = 400.0
"""Messages per second of the phase in which all systems carry the same load."""
AT_ONCE = 64
"""Messages that one user has under way in the phase of a single user."""


class Round(msgspec.Struct):
    """What one round of one system gave. Times are seconds, sizes bytes, counts messages."""

    start_up: float
    """From exec until the readiness path answers 200."""
    cpu_per_message: float
    """CPU, user and system, of all the server's processes at the highest load."""
    rate: float
    """Messages per second at the highest load, a message being done when its reply has reached the platform."""
    messages: int
    acknowledgement: list[float]
    """Latencies at half of the highest load, from sending the webhook to its answer."""
    reply: list[float]
    """The same, to the arrival of the reply at the platform."""
    cpu_per_message_at_half: float
    cpu_per_message_at_fixed: float
    """At `FIXED_RATE`."""
    reply_at_fixed: list[float]
    single_user_rate: float | None
    """Messages per second of one user who waits for nothing; None where messages of a user are not kept in order."""
    memory: list[int]
    """Proportional memory after the load, of each worker; of the one process where there are none."""
    late: float
    """How far the load generator fell behind at worst in the open loop."""
    helpers: float
    """CPU per message that the load generator and the stand-in used at the highest load: what the server had to share
    the machine with."""


class Phase(msgspec.Struct):
    """A batch of messages until the last reply."""

    record: LoadRecord
    cpu: float
    """Of the server."""
    seconds: float
    """From the first delivery to the last reply, or the last answer where there are no replies."""
    helpers: float
    reply: list[float]


class Bench:
    """A running server, its platform, and the messages delivered so far."""

    def __init__(self, system: System, server: Server, api: TelegramStandIn) -> None:
        self._system, self._server, self._api = system, server, api
        self._number = 1
        """Of the next message of each chat."""
        self._update = 1

    def deliver(
        self,
        per_chat: int,
        rate: float | None = None,
        *,
        chats: int = CHATS,
        first_chat: int = 1,
        at_once: int = 1,
    ) -> Phase:
        """Deliver `per_chat` messages of each chat, and wait for all replies.

        Raises:
            AssertionError: Something failed or was answered wrongly: then there is nothing to measure.
        """
        plan = Plan(
            port=self._server.port,
            secret=SECRET,
            chats=chats,
            messages=per_chat,
            connections=CONNECTIONS,
            rate=rate,
            first_chat=first_chat,
            first_number=self._number,
            first_update=self._update,
            at_once=at_once,
        )
        self._number += per_chat
        self._update += per_chat * chats
        before, cpu = self._api.stats(), self._server.cpu()
        record = deliver(plan, timeout=300)
        assert not record.failures, f"{self._system.name}: {record.failures}"
        expected = before.delivered + (len(record.updates) if self._system.replies else 0)
        after = self._api.wait(lambda stats: stats.delivered >= expected, timeout=60, pause=0.05)
        cpu = self._server.cpu() - cpu
        reply: list[float] = []
        end = record.ended
        if self._system.replies:
            assert after.delivered == expected, f"{self._system.name}: {after.delivered - expected} replies too many"
            arrived = {call.text: call.arrived for call in self._api.history(before.calls)}
            reply = [arrived[update.text] - update.first_sent for update in record.updates]
            end = max(arrived.values())
        helpers = after.cpu - before.cpu + record.cpu
        return Phase(record, cpu, end - record.started, helpers, reply)


def measure(system: System, seconds: float) -> Round:
    """Start a system and its platform afresh, and measure `seconds` at the highest load and as long at half of it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, TelegramStandIn() as api:
        server = system.server(api.url, Path(folder))
        with server:
            bench = Bench(system, server, api)
            warm = bench.deliver(1)
            highest = bench.deliver(_per_chat(CHATS / warm.seconds, seconds))
            messages = len(highest.record.updates)
            rate = messages / highest.seconds
            memory = server.pss()
            workers = [worker.pid for worker in server.workers()] or [server.pid]
            time.sleep(0.5)  # lets what the highest load left to do be done, on a machine that also runs the load
            half = bench.deliver(_per_chat(rate / 2, seconds), rate / 2)
            fixed = bench.deliver(_per_chat(FIXED_RATE, seconds), FIXED_RATE)
            return Round(
                start_up=server.start_up,
                cpu_per_message=highest.cpu / messages,
                rate=rate,
                messages=messages,
                acknowledgement=half.record.latencies,
                reply=half.reply,
                cpu_per_message_at_half=half.cpu / len(half.record.updates),
                cpu_per_message_at_fixed=fixed.cpu / len(fixed.record.updates),
                reply_at_fixed=fixed.reply,
                single_user_rate=_single_user(bench, seconds) if system.ordered else None,
                memory=[memory[pid] for pid in workers],
                late=half.record.late,
                helpers=highest.helpers / messages,
            )


def _single_user(bench: Bench, seconds: float) -> float:
    few = bench.deliver(AT_ONCE, chats=1, first_chat=CHATS + 1, at_once=AT_ONCE)
    many = bench.deliver(round(AT_ONCE / few.seconds * seconds / 2), chats=1, first_chat=CHATS + 1, at_once=AT_ONCE)
    return len(many.record.updates) / many.seconds


def _per_chat(rate: float, seconds: float) -> int:
    return max(1, round(rate * seconds / CHATS))
