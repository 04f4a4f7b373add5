"""A platform that says when to come back is obeyed, through restarts, and only those it means wait."""

from itertools import groupby, pairwise
from pathlib import Path

import pytest

from tests.e2e.support import (
    judge,
    percentile,
    plan,
    reply_times,
    say,
    serve,
    spread,
    wait_until_done,
    waiting_replies,
)
from tests.support import FULL
from tests.support.history import Bot
from tests.support.load import LoadProcess, deliver
from tests.support.processes import Server, eventually
from tests.support.records import Call, LoadRecord
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(counter=True)


def lateness(calls: list[Call]) -> list[float]:
    """Return for each 429 how long after the time that it named the next attempt came, in seconds."""
    late = []
    for _, group in groupby(
        sorted((c for c in calls if c.chat), key=lambda call: (call.chat, call.n)), lambda c: c.chat
    ):
        of_chat = list(group)
        for call, following in pairwise(of_chat):
            if call.outcome == "429" and call.retry_after is not None:
                late.append(following.arrived - call.arrived - call.retry_after)
    return late


def test_a_chat_that_must_wait_waits_as_long_as_it_was_told_and_no_other_chat_does(tmp_path: Path) -> None:
    """200 times 429 with 1 to 4 s, for 50 chats, while 50 others talk on; full: 10,000."""
    rounds, seconds = (50, 600) if FULL else (1, 8)
    others = {"chats": 50, "rate": 100, "messages": 100 * seconds // 50, "first_chat": 101}
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path) as server,
    ):
        warm = deliver(plan(server, chats=50, messages=4, first_chat=201))
        before = deliver(plan(server, **others | {"messages": 12}, first_update=1_001))
        records = [warm, before]
        for number in range(rounds):
            answers = [
                ["429:2", "ok", "429:1", "429:1", "ok", "429:2"],
                ["429:1", "429:4", "ok", "ok", "429:1", "429:1"],
            ]
            scripts = [{"chat": str(chat), "answers": answers[chat % 2]} for chat in range(1, 51)]
            telegram.control(scripts=scripts)
            first, update = 1 + 4 * number, 1_000_000 + 200 * number
            limited = plan(server, chats=50, messages=4, first_number=first, first_update=update)
            if number == 0:
                with LoadProcess(plan(server, **others, first_number=1_001, first_update=10_001)) as talking:
                    records.append(deliver(limited))
                    during = talking.result(seconds + 300)
                records.append(during)
            else:
                records.append(deliver(limited))
            wait_until_done(tmp_path)
        judge(telegram, records, BOT)
        calls = telegram.history()
        late = lateness(calls)
        assert telegram.stats().outcomes["429"] == len(late) == 200 * rounds
        assert telegram.stats().outcomes.get("early", 0) == 0
        assert max(late) < 20
        idle = reply_times(before.updates, calls, BOT)
        beside = reply_times(during.updates, calls, BOT)
        ratio = percentile(beside, 0.99) / percentile(idle, 0.99)
        say(
            f"{len(late)} times 429, none was early, the next attempt came late by {spread(late)}; others, before: "
            f"{spread(idle)}; meanwhile: {spread(beside)}; ratio of p99: {ratio:.2f}"
        )
        assert percentile(beside, 0.99) < max(20 * percentile(idle, 0.99), 3.0)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_time_to_wait_survives_a_restart(end: str, tmp_path: Path) -> None:
    """20 chats that wait for 8 s; the server is stopped, or killed, and started again meanwhile; full: 400 and 20 s."""
    chats, wait = (400, 20) if FULL else (20, 8)
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path) as server,
    ):
        telegram.control(scripts=[{"chat": str(chat), "answers": [f"429:{wait}"]} for chat in range(1, chats + 1)])
        record = deliver(plan(server, chats=chats, messages=2))
        eventually(lambda: waiting_replies(tmp_path) == chats)
        restart(server, end)
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT)
        late = lateness(telegram.history())
        assert len(late) == chats
        assert telegram.stats().outcomes.get("early", 0) == 0
        # How late is a start's matter, and the machine's: on a busy one a start takes longer than the wait.
        say(f"{chats} chats that waited over a restart ({end}) went on late by {spread(late)}")


def restart(server: Server, end: str) -> None:
    if end == "stop":
        assert server.stop() == 0
    else:
        server.kill_all()
    server.start()
    server.wait_ready()


def test_a_limit_for_the_whole_bot_is_learned_once_by_each_chat_and_kept_through_a_restart(tmp_path: Path) -> None:
    """20 chats, the first of which is told that all must wait for 10 s; a restart meanwhile; full: 300 and 20 s."""
    chats, wait = (300, 20) if FULL else (20, 10)
    with (
        TelegramStandIn(limit="global") as telegram,
        serve(telegram, tmp_path) as server,
    ):
        telegram.control(scripts=[{"chat": "1", "answers": [f"429:{wait}"]}])
        records: list[LoadRecord] = [deliver(plan(server, chats=1, messages=1))]
        telegram.wait(lambda stats: stats.outcomes.get("429", 0) == 1)
        records.append(deliver(plan(server, chats=chats - 1, messages=2, first_chat=2, first_update=101)))
        eventually(lambda: waiting_replies(tmp_path) == chats)
        restart(server, "stop")
        wait_until_done(tmp_path)
        judge(telegram, records, BOT, allowed_early=chats - 1)
        attempts = [call for call in telegram.history() if call.outcome in ("429", "early")]
        assert len({call.chat for call in attempts}) == len(attempts) == chats
        say(f"{chats} chats heard of the limit, each once")
