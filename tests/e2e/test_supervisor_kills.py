"""The supervisor, or everything, is killed with SIGKILL: no process stays, and the next start goes on from there."""

import time
from pathlib import Path

import pytest

from tests.e2e.support import (
    NASTY,
    NASTY_LOAD,
    assert_nothing_set_aside,
    counter,
    judge,
    plan,
    say,
    serve,
    wait_until_done,
)
from tests.support import FULL
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults


def test_a_killed_server_leaves_no_process_and_the_next_start_loses_nothing(tmp_path: Path) -> None:
    """8 kills at 4 workers, of the supervisor alone and of everything by turns; full: 300."""
    kills, rate, chats = (300 if FULL else 8), 150, 100
    with (
        TelegramStandIn(seed=9, retry_after=1, latency=(0.0, 0.02), **NASTY) as telegram,
        serve(telegram, tmp_path, replies=2) as server,
    ):
        bot = Bot(replies=2, counter=True)
        options = NASTY_LOAD | {"chats": chats, "messages": kills * rate * 30 // chats, "rate": rate, "seed": 4}
        ends: dict[str, list[float]] = {"the supervisor": [], "everything": []}
        starts = []
        with LoadProcess(plan(server, **options)) as load:
            for number in range(kills):
                delivered = telegram.stats().delivered
                eventually(lambda seen=delivered: telegram.stats().delivered > seen + 100)  # type: ignore[misc]
                if number % 2:
                    victim, end = "everything", server.kill_all
                else:
                    victim, end = "the supervisor", server.kill
                begun = time.monotonic()
                end()
                assert server.returncode == -9
                eventually(lambda: not server.left_over(), pause=0.005)
                ends[victim].append(time.monotonic() - begun)
                server.start()
                server.wait_ready()
                starts.append(server.start_up)
            assert load.running, "the load ended before the kills did"
            load.stop()
            record = load.result()
        wait_until_done(tmp_path)
        assert_nothing_set_aside(tmp_path)
        # Each kill may repeat what was just confirmed, and forget a 429: at most one of each for each chat.
        verdict = judge(telegram, [record], bot, allowed_repeats=kills * chats, allowed_early=kills * chats)
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.uncertain + verdict.repeated <= uncertain
        say(
            f"{kills} kills; all processes gone after the kill of the supervisor: {seconds(ends['the supervisor'])}; "
            f"of everything: {seconds(ends['everything'])}; ready again {max(starts):.2f} s after "
            f"the start at most, {sum(starts) / kills:.2f} s on average; {verdict.repeated} confirmed replies came "
            f"again, {verdict.early} early, {uncertain} counted as uncertain; failed deliveries: {record.failures}"
        )


def seconds(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f} s on average, {max(values):.3f} s at most"
