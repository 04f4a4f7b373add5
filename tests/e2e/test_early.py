"""Workers are killed inside handlers that have said something already: none of it is lost, or said by two runs."""

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
from tests.support.fuses import Fuses
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(replies=4, counter=True)


def test_workers_killed_inside_handlers_say_each_early_reply_once_and_in_order(tmp_path: Path) -> None:
    """16 kills between the early replies of turns, at 4 workers; full: 200. Three of four replies leave early."""
    # A worker killed each second does little: over many of them less load is what does not pile up.
    lives, rate, chats, pause = (25, 10, 60, 0.5) if FULL else (2, 60, 60, 0.5)
    in_each = 8
    directory = tmp_path / "fuses"
    directory.mkdir()
    fuses = Fuses(directory)
    with (
        TelegramStandIn(seed=11, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, replies=4, early=3, fuses=directory) as server,
    ):
        messages = 400 if FULL else 60 + int(10 * pause * rate * in_each * lives) // chats
        options = NASTY_LOAD | {"chats": chats, "messages": messages, "rate": rate, "seed": 2}
        with LoadProcess(plan(server, **options)) as load:
            eventually(lambda: telegram.stats().delivered > 100)
            for number in range(lives):
                if number:
                    server.stop()
                    server.start()
                    server.wait_ready()
                for _ in range(in_each):
                    begun = time.monotonic()
                    fuses.light("running")
                    eventually(lambda: not fuses.lit("running"), 60)
                    eventually(lambda begun=begun: time.monotonic() > begun + pause)  # type: ignore[misc]
            assert load.running, "the load ended before the kills did"
            load.stop()
            record = load.result()
        wait_until_done(tmp_path, 300)
        assert_nothing_set_aside(tmp_path)
        kills = fuses.kills()
        at_work = sum(len(kill.chats) for kill in kills)
        verdict = judge(telegram, [record], BOT, allowed_repeats=at_work, allowed_early=at_work)
        assert len(kills) == lives * in_each
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.uncertain + verdict.repeated <= uncertain
        say(
            f"{len(kills)} kills inside handlers, {at_work} turns under way; {verdict.uncertain} replies came again "
            f"after an unknown outcome, {verdict.repeated} after a confirmed one; {uncertain} uncertain"
        )
