"""Everything acknowledged is answered, once and in order, whatever the platform does."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.support import (
    ECHO,
    NASTY,
    NASTY_LOAD,
    counter,
    judge,
    plan,
    say,
    serve,
    spread,
    wait_until_done,
)
from tests.support import FULL
from tests.support.history import Bot
from tests.support.load import LoadProcess, deliver
from tests.support.records import Call, LoadRecord
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults


def deliveries_at_the_same_moment(record: LoadRecord) -> int:
    """Count the updates of which two deliveries were under way together."""
    count = 0
    for update in record.updates:
        ordered = sorted(update.deliveries, key=lambda delivery: delivery.sent)
        count += any(first.answered is not None and second.sent < first.answered for first, second in pairwise(ordered))
    return count


def unknown_outcomes(calls: list[Call]) -> int:
    """Count the sends of which the server could not know whether they arrived."""
    return sum(call.outcome in ("500", "500_after", "lost") for call in calls if call.chat)


@pytest.mark.parametrize("replies", [1, 2])
def test_a_nasty_platform_loses_nothing_reorders_nothing_and_every_repetition_is_counted(
    replies: int, tmp_path: Path
) -> None:
    """6,000 messages of 200 chats (1,500 of 50 with two replies each); full: 1,000,000 of 2,500 (250,000 of 625)."""
    chats, messages = (2500, 400) if FULL else (200, 30)
    if replies == 2:
        chats //= 4
    bot = Bot(replies=replies, counter=True)
    with (
        TelegramStandIn(seed=11, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, replies=replies) as server,
    ):
        record = deliver(plan(server, chats=chats, messages=messages, seed=5, **NASTY_LOAD), 3600)
        wait_until_done(tmp_path, 3600 if FULL else 90)
        calls = telegram.history()
        verdict = judge(telegram, [record], bot)
        assert verdict.updates == chats * messages

        # The load and the platform were as nasty as they should be.
        repeated = sum(len(update.deliveries) > 1 for update in record.updates)
        together = deliveries_at_the_same_moment(record)
        assert repeated > 0.04 * verdict.updates
        assert together > 0.01 * verdict.updates
        outcomes = telegram.stats().outcomes
        assert min(outcomes[kind] for kind in ("429", "500", "500_after", "lost")) > 0.005 * verdict.delivered
        assert record.failures == {}

        # An unknown outcome is counted, each, and nothing but an unknown outcome repeats a reply.
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.uncertain <= outcomes["lost"] + outcomes["500_after"]
        assert uncertain == unknown_outcomes(calls)
        assert counter(tmp_path, "redelivered") >= repeated
        assert counter(tmp_path, "stale_turns") == 0
        say(
            f"{repeated} updates delivered again, {together} of them at the same moment; sends: {outcomes}; "
            f"{uncertain} counted as uncertain; acknowledgement: {spread(record.latencies)}"
        )


def test_two_workers_that_want_each_others_users_do_not_stop(tmp_path: Path) -> None:
    """2 workers, 65 messages under way at a time, of only 5 users; 100 messages of each, 20 ms of work; full: 10 times.

    The load under which two workers of MaxBot 0.3 wait for each other for ever.
    """
    bot = Bot(counter=True)
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, workers=2, work=0.02) as server,
    ):
        records = []
        for turn in range(10 if FULL else 1):
            first = 1 + 100 * turn
            options = {"chats": 5, "messages": 100, "at_once": 13, "connections": 65}
            records.append(deliver(plan(server, first_number=first, first_update=1 + 5 * (first - 1), **options)))
            wait_until_done(tmp_path)
        judge(telegram, records, bot)
        assert all(record.failures == {} for record in records)
        begun, ended = records[0].started, telegram.stats().last
        say(f"500 messages in {ended - begun:.2f} s; the turns of a user alone take 2.00 s")


def test_a_bot_of_one_file_answers_in_order_too(tmp_path: Path) -> None:
    """2,000 messages of 100 chats, with the echo bot as YAML; full: 20,000."""
    with (
        TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, "--public-url", "https://bot.example.com", bot=ECHO) as server,
    ):
        stats = telegram.wait(lambda stats: stats.secret_token != "")
        options = NASTY_LOAD | {"secret": stats.secret_token}
        with LoadProcess(plan(server, chats=100, messages=200 if FULL else 20, seed=2, **options)) as load:
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], Bot())
        assert record.failures == {}
