"""When it is hopeless to start another worker."""

import pytest

from maxbot.server.supervisor.hopeless import Starts


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
    monkeypatch.setattr("maxbot.server.supervisor.hopeless.time.monotonic", lambda: now)
    starts = Starts(4)
    for _ in range(130):
        starts.failed("worker-1", None, "no memory")
        now += 1.0
    assert len(caplog.records) == 3
