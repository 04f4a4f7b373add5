"""Messages keep below a platform's limits, and one that has to wait long goes back to the outbox."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.channels import pace
from maxbot.channels.pace import LONGEST_WAIT, Pace, Share, in_turn
from maxbot.errors import RetryLater


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.5, 20), st.integers(1, 5))
def test_in_no_second_there_are_more_than_burst_and_rate(pauses: list[float], rate: float, burst: int) -> None:
    clock = Clock()
    limit = Pace(rate, burst, clock)
    sent: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = limit.take()
        if wait <= LONGEST_WAIT:
            sent.append(clock.now + wait)
    for begin in sent:
        assert sum(begin <= one < begin + 1 for one in sent) <= burst + rate + 1


def test_each_key_has_its_own_turn_and_a_turn_too_far_away_is_not_taken() -> None:
    clock = Clock()
    limit = Pace(0.5, 2, clock)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 2, 2]
    assert limit.take("b") == 0
    clock.now += 2
    assert limit.take("a") == 0


def test_a_share_holds_for_rate_and_burst_and_may_change() -> None:
    clock, share = Clock(), Share(0.5)
    limit = Pace(4, 8, clock, share=share)
    assert [limit.take() for _ in range(6)] == [0, 0, 0, 0, 0.5, 1]
    clock.now += 10
    share.part = 1.0
    assert [limit.take() for _ in range(10)] == [0] * 8 + [0.25, 0.5]


def test_keys_that_are_through_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_KEPT", 10)
    clock = Clock()
    limit = Pace(1, 1, clock)
    for key in range(100):
        clock.now += 2
        limit.take(key)
    assert len(limit._free_at) <= 10


def test_a_message_waits_a_moment_and_not_long() -> None:
    asyncio.run(_in_turn())


async def _in_turn() -> None:
    await in_turn(Pace(1000, 1), Pace(1000, 1), "ada")
    slow = Pace(0.1, 1)
    await in_turn(Pace(1000, 1), slow, "ada")
    with pytest.raises(RetryLater, match="This user") as caught:
        await in_turn(Pace(1000, 1), slow, "ada")
    assert caught.value.reach == "dialog"
    assert caught.value.retry_after is not None
    assert 9 < caught.value.retry_after <= 10
