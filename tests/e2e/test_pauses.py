"""Processes that stand still, as on a machine that sleeps: nothing is lost, reordered or done twice unheard."""

import random
import time
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.e2e.support import counter
from tests.server.clients import Load, lines, serve
from tests.support import FULL
from tests.support.processes import Server, eventually, get

pytestmark = pytest.mark.faults

HANG = 3.0
"""Seconds after which a worker that stands still is replaced."""


def whom(server: Server, number: int) -> list[psutil.Process]:
    """Return who stands still in a round: a worker, all of them, the supervisor, or everybody."""
    workers = server.workers()
    return [workers[:1], workers, [server.main], [server.main, *workers]][number % 4]


def pause(victims: list[psutil.Process], seconds: float) -> None:
    for process in victims:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(seconds)
    for process in victims:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def test_pauses_lose_and_reorder_nothing_and_every_repetition_is_counted(tmp_path: Path) -> None:
    """4 pauses, full 54, of up to twice the time after which a worker counts as hanging."""
    rounds, chance = (54 if FULL else 4), random.Random(1)
    with (
        serve(tmp_path, MAXBOT_HANG_TIMEOUT=HANG) as server,
        Load(server.port, rate=60, go_on=True) as load,
    ):
        for number in range(rounds):
            pause(whom(server, number), chance.uniform(0.3, 2.0) * HANG)
            eventually(lambda: len(server.workers()) == 2 and get(server.port, "/health/ready") == 200, 120)
        load.stop()
        assert len(load.accepted) > 10 * rounds
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")), 60)
    sent = lines(tmp_path / "sent")
    for user in {line.split()[0] for line in sent}:
        first = dict.fromkeys(line.split()[1] for line in sent if line.split()[0] == user)
        assert list(first) == [str(number) for number in range(len(first))], user
    repeated = len(sent) - len(set(sent))
    print(f"{len(load.accepted)} messages, {repeated} sent twice, {counter(tmp_path, 'uncertain')} uncertain")
    assert repeated <= counter(tmp_path, "uncertain")
