"""When it is hopeless to start another worker."""

import asyncio
import logging
from typing import cast

import pytest

from maxbot.server.supervisor.crew import Crew
from maxbot.server.supervisor.process import how
from maxbot.server.supervisor.slot import Slot, Starts
from maxbot.server.tasks import keep


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 2), (8, 5)])
def test_as_many_starts_as_workers_that_failed_in_their_own_words_are_hopeless(workers: int, most: int) -> None:
    starts = Starts(workers)
    assert [starts.failed("worker-1", "no such table", "") for _ in range(most)] == [False] * (most - 1) + [True]


def test_a_death_without_words_never_counts() -> None:
    starts = Starts(1)
    assert not any(starts.failed("worker-1", None, "it ended by SIGKILL while starting") for _ in range(100))


def test_a_run_that_has_served_never_gives_up() -> None:
    starts = Starts(1)
    starts.succeeded()
    assert not any(starts.failed("worker-1", "no such table", "") for _ in range(100))


def test_a_reason_is_said_once_and_then_every_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.server.supervisor.slot.time.monotonic", lambda: now)
    starts = Starts(4)
    for _ in range(130):
        starts.failed("worker-1", None, "no memory")
        now += 1.0
    assert len(caplog.records) == 3


def test_the_status_of_any_signal_can_be_said() -> None:
    """A real-time signal has no name; a supervisor that looked for it once ended with all its workers."""
    assert [how(status) for status in (-9, -40, 3, None)] == [
        "by SIGKILL",
        "by signal 40",
        "with status 3",
        "unnoticed",
    ]


def test_a_slot_that_fails_itself_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong in the supervisor, somebody keeps a worker in the slot."""

    class Broken:
        asked = 0

        async def start(self, name: str, *, first: bool) -> None:
            self.asked += 1
            raise ValueError("unforeseen")

    async def main() -> int:
        crew = Broken()
        slot = Slot("worker-1", cast(Crew, crew), Starts(1), polls=False, give_up=asyncio.Event())
        bugs: list[int] = []
        (task,) = keep([slot.keep], lambda: bugs.append(crew.asked))
        async with asyncio.timeout(10):
            while crew.asked < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        assert bugs[0] == 1
        return crew.asked

    with caplog.at_level(logging.CRITICAL):
        assert asyncio.run(main()) == 2
    assert "unforeseen" in caplog.text
