"""The platform has its answer soon, and only once the update is safe."""

from pathlib import Path

import pytest

from tests.e2e.support import NASTY, NASTY_LOAD, judge, percentile, plan, say, serve, spread, wait_until_done
from tests.support import FULL
from tests.support.history import Bot
from tests.support.load import deliver
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(counter=True)
TAKES = 0.5
"""Seconds of a reply."""


def test_webhooks_are_answered_in_milliseconds_however_long_the_platform_takes_for_replies(tmp_path: Path) -> None:
    """100 messages a second for 8 s, replies take half a second, 13 in 100 fail; full: 400 a second for 60 s."""
    rate, seconds, chats = (400, 60, 400) if FULL else (100, 8, 100)
    options = NASTY_LOAD | {"chats": chats, "rate": rate, "messages": rate * seconds // chats}
    with (
        TelegramStandIn(seed=1, latency=TAKES, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path) as server,
    ):
        warm = deliver(plan(server, chats=chats, messages=1, first_chat=1))
        record = deliver(plan(server, **options, first_number=2, first_update=chats + 1), seconds + 300)
        wait_until_done(tmp_path)
        judge(telegram, [warm, record], BOT)
        assert record.failures == {}
        times = record.latencies
        say(f"acknowledgements at {rate} a second: {spread(times)}; the load was late by {1000 * record.late:.0f} ms")
        assert percentile(times, 0.5) < TAKES
