"""Who floods the bot, or has it work for long, holds up nobody else."""

from pathlib import Path

import pytest

from tests.e2e.support import judge, percentile, plan, reply_times, say, serve, spread, wait_until_done
from tests.support import FULL
from tests.support.history import Bot
from tests.support.load import LoadProcess, deliver
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(counter=True)

FLOODER = 900


def test_a_flood_and_slow_handlers_hold_up_nobody_else(tmp_path: Path) -> None:
    """One chat sends 1,000 messages at once, 100 chats have handlers of 4 s; full: 10,000 messages, 30 s."""
    flood, slow, seconds = (10_000, 30.0, 30) if FULL else (1_000, 4.0, 4)
    others = {"chats": 50, "rate": 100, "messages": 100 * seconds // 50, "connections": 20}
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, slow_work=slow) as server,
    ):
        warm = deliver(plan(server, chats=50, messages=4, first_chat=1))
        idle = deliver(plan(server, **others, first_chat=101, first_update=1_001))
        memory_before = sum(server.pss().values())

        flooding = plan(server, chats=1, messages=flood, first_chat=FLOODER, first_update=100_001, at_once=40)
        working = plan(server, chats=100, messages=1, first_chat=1_000, first_update=200_001)
        with LoadProcess(flooding) as flooder, LoadProcess(working) as workers:
            telegram.wait(lambda stats: stats.delivered > idle_replies(warm, idle))  # the flood has begun
            busy = deliver(plan(server, **others, first_chat=101, first_number=1_001, first_update=300_001))
            memory_during = sum(server.pss().values())
            flooded, worked = flooder.result(), workers.result()
        wait_until_done(tmp_path)
        records = [warm, idle, busy, flooded, worked]
        judge(telegram, records, BOT)
        calls = telegram.history()

        # The flood and the slow handlers were there all the while.
        flood_ended = max(call.arrived for call in calls if call.chat == str(FLOODER))
        times_before = reply_times(idle.updates, calls, BOT)
        times_during = reply_times(busy.updates, calls, BOT)
        slow_times = reply_times(worked.updates, calls, BOT)
        assert len(slow_times) == 100
        assert min(slow_times) >= slow
        before, during = percentile(times_before, 0.99), percentile(times_during, 0.99)
        growth = (memory_during - memory_before) / 2**20
        overlap = (min(flood_ended, busy.ended) - busy.started) / (busy.ended - busy.started)
        say(
            f"replies to others, idle: {spread(times_before)}; during the flood: {spread(times_during)}; "
            f"ratio of p99: {during / before:.1f}; the flood lasted for {100 * overlap:.0f} % of that; handlers of "
            f"{slow:g} s: longest {max(slow_times):.2f} s; memory of 4 workers and supervisor: "
            f"{memory_before / 2**20:.0f} MiB, grown by {growth:.0f} MiB"
        )
        assert max(slow_times) < 4 * slow  # 100 handlers run beside each other
        assert during < max(20 * before, 3.0)
        assert growth < 100


def idle_replies(*records: object) -> int:
    """Return how many replies the chats of earlier runs got."""
    from tests.support.records import LoadRecord

    return sum(len(record.updates) for record in records if isinstance(record, LoadRecord))
