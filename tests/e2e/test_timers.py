"""Timers ring once each: over kills of workers and of everything, and over steps of the clock."""

import random
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import pytest

from tests.server.bots.reminding import TIMERS
from tests.server.clients import lines, say, serve
from tests.support import FULL
from tests.support.processes import Server, eventually, free_port

pytestmark = pytest.mark.faults

USERS = 200 if FULL else 16
ROUNDS = 20 if FULL else 4


def rung(folder: Path) -> dict[str, set[str]]:
    """Return the keys of the replies of each timer: a reply that is sent again after a kill has the same key."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines(folder / "sent"):
        _, key, text = line.split(" ", 2)
        if text.startswith("ring "):
            found[text].add(key)
    return found


def start(folder: Path, port: int) -> Server:
    bot = "tests.server.bots.reminding:bot"
    return serve(folder, "--bot", bot, port=port, PROBE_CLOCK=folder / "clock")


def test_timers_ring_once_over_kills_and_steps_of_the_clock(tmp_path: Path) -> None:
    """80 timers, 4 rounds; full: 1,000, 20 rounds. The clock goes an hour ahead and back, and a day back."""
    chance, port = random.Random(5), free_port()
    expected = set[str]()
    server = start(tmp_path, port)
    server.__enter__()
    try:
        for turn in range(ROUNDS):
            for number in range(turn * USERS // ROUNDS, (turn + 1) * USERS // ROUNDS):
                eventually(partial(delivered, port, f"user{number}"))
                expected |= {f"ring user{number}.{index}" for index in range(TIMERS)}
            step = [0, 3600, 0, -86400][turn % 4]
            (tmp_path / "clock.new").write_text(str(step))
            (tmp_path / "clock.new").rename(tmp_path / "clock")
            time.sleep(chance.uniform(0.2, 1.5))
            if turn % 2:
                server.kill_all()
                server = start(tmp_path, port)
                server.__enter__()
            else:
                chance.choice(eventually(server.workers)).kill()
        eventually(lambda: rung(tmp_path).keys() == expected)
        time.sleep(1)  # for one that rings too often
        assert {text: keys for text, keys in rung(tmp_path).items() if len(keys) != 1} == {}
    finally:
        server.__exit__(None, None, None)


def delivered(port: int, user: str) -> bool:
    return say(port, user, f"set {user}") == 200
