"""Workers are killed inside handlers that have said something already: none of it is lost, or said by two runs."""

import time
from pathlib import Path
from typing import Any

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


def options(chats: int, messages: int) -> dict[str, Any]:
    """Return what the load is like: 60 messages a second, while most workers are dead."""
    return NASTY_LOAD | {"chats": chats, "messages": messages, "rate": 60, "seed": 2, "give_up": 120}


def test_workers_killed_inside_handlers_say_each_early_reply_once_and_in_order(tmp_path: Path) -> None:
    """16 kills between the early replies of turns, at 4 workers; full: 200. Three of four replies leave early."""
    lives, in_each = (10, 20) if FULL else (2, 8)
    chats, messages, pause = 60, 100, 0.5
    directory = tmp_path / "fuses"
    directory.mkdir()
    fuses = Fuses(directory)
    records = []
    with (
        TelegramStandIn(seed=11, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, replies=4, early=3, fuses=directory) as server,
    ):
        for life in range(lives):
            if life:
                server.stop()
                server.start()
                server.wait_ready()
            delivered = life * messages
            load = plan(
                server, **options(chats, messages), first_number=1 + delivered, first_update=1 + delivered * chats
            )
            with LoadProcess(load) as loading:
                for _ in range(in_each):
                    begun = time.monotonic()
                    fuses.light("running")
                    eventually(lambda: not fuses.lit("running"))
                    eventually(lambda begun=begun: time.monotonic() > begun + pause)  # type: ignore[misc]
                assert loading.running, "the load ended before the kills did"
                loading.stop()
                records.append(loading.result())
            # What most workers dead have not done does not pile up from life to life.
            wait_until_done(tmp_path, 300)
        assert_nothing_set_aside(tmp_path)
        kills = fuses.kills()
        at_work = sum(len(kill.chats) for kill in kills)
        verdict = judge(telegram, records, BOT, allowed_repeats=at_work, allowed_early=at_work)
        assert len(kills) == lives * in_each
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.uncertain + verdict.repeated <= uncertain
        say(
            f"{len(kills)} kills inside handlers, {at_work} turns under way; {verdict.uncertain} replies came again "
            f"after an unknown outcome, {verdict.repeated} after a confirmed one; {uncertain} uncertain"
        )
