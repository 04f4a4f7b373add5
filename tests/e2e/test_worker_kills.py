"""Workers are killed with SIGKILL in every phase of a turn: nothing is lost, and others go on at once."""

import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from maxbot.inbox.sweep import STALE
from tests.e2e.support import (
    NASTY,
    NASTY_LOAD,
    assert_nothing_set_aside,
    counter,
    judge,
    percentile,
    plan,
    say,
    serve,
    wait_until_done,
)
from tests.support import FULL
from tests.support.fuses import PHASES, Fuses, Kill
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import eventually
from tests.support.records import Call, Sent
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(replies=2, counter=True)


def waits_after(kills: Iterable[Kill], updates: Iterable[Sent], calls: Iterable[Call]) -> list[float]:
    """Return how long each user whom a killed worker was serving waited for the next one to serve him, in seconds.

    Of a user who had something acknowledged and not yet answered, from the kill to the next call for his chat.
    """
    attempts: dict[str, list[float]] = defaultdict(list)
    answered: dict[str, float] = {}
    for call in calls:
        if call.chat:
            attempts[call.chat].append(call.arrived)
            reply = BOT.parse(call.text)
            if call.delivered and reply.index == BOT.replies:
                answered.setdefault(reply.turn, call.arrived)
    of_chat: dict[str, list[Sent]] = defaultdict(list)
    for update in updates:
        of_chat[update.chat].append(update)
    waits = []
    for kill in kills:
        for chat in kill.chats:
            owed = any(
                (at := update.acknowledged) is not None and at < kill.at < answered[update.text]
                for update in of_chat[chat]
            )
            if owed:
                later = attempts[chat][bisect_right(attempts[chat], kill.at) :]
                waits.append(later[0] - kill.at)
    return waits


def test_workers_killed_in_every_phase_of_a_turn_lose_and_reorder_nothing(tmp_path: Path) -> None:
    """24 kills, 3 in each of 8 phases, at 4 workers; full: 1,000, 125 in each."""
    in_each, rate, chats, pause = (125, 100, 150, 0.7) if FULL else (3, 60, 150, 0.7)
    directory = tmp_path / "fuses"
    directory.mkdir()
    fuses = Fuses(directory)
    with (
        TelegramStandIn(seed=7, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, replies=2, fuses=directory) as server,
    ):
        messages = 60 + int(10 * pause * rate * in_each * len(PHASES)) // chats
        options = NASTY_LOAD | {"chats": chats, "messages": messages, "rate": rate, "seed": 1}
        with LoadProcess(plan(server, **options)) as load:
            eventually(lambda: telegram.stats().delivered > 200)
            for number in range(in_each):
                if number:
                    # Whose workers die again and again is given longer and longer pauses: here begins another life.
                    server.stop()
                    server.start()
                    server.wait_ready()
                for phase in PHASES:
                    begun = time.monotonic()
                    fuses.light(phase)
                    eventually(lambda phase=phase: not fuses.lit(phase))  # type: ignore[misc]
                    eventually(lambda begun=begun: time.monotonic() > begun + pause)  # type: ignore[misc]
            assert load.running, "the load ended before the kills did"
            load.stop()
            record = load.result()
        wait_until_done(tmp_path)
        assert_nothing_set_aside(tmp_path)
        kills = fuses.kills()
        calls = telegram.history()
        at_work = sum(len(kill.chats) for kill in kills)
        verdict = judge(telegram, [record], BOT, allowed_repeats=at_work, allowed_early=at_work)

        assert Counter(kill.phase for kill in kills) == dict.fromkeys(PHASES, in_each)
        assert len({kill.pid for kill in kills}) == len(kills)
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.uncertain + verdict.repeated <= uncertain
        waits = waits_after(kills, record.updates, calls)
        say(
            f"{len(kills)} kills, {in_each} in each of {len(PHASES)} phases, {at_work} turns were under way; "
            f"{verdict.repeated} confirmed replies came again, {verdict.early} early; {uncertain} uncertain; "
            f"failed deliveries: {record.failures}; {len(waits)} users of the dead waited: p50 "
            f"{percentile(waits, 0.5):.3f} s, p99 {percentile(waits, 0.99):.3f} s, longest {max(waits):.3f} s"
        )
        assert len(waits) >= len(kills) / 8
        # On a busy machine most of them wait for the processor.
        assert percentile(waits, 0.1) < STALE, "what is left behind is taken up at once, not when a sweep finds it"
