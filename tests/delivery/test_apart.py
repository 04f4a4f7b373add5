"""What the bot's code does to the task it runs in is its own, and only the server's own cancellation is a stop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from maxbot.delivery import apart
from maxbot.delivery.apart import TimedOut, run_apart
from maxbot.types import TurnResult
from tests.support.simulation.clock import virtual_time

DONE = TurnResult([], {"done": True})


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    with virtual_time() as loop:
        loop.run_until_complete(scenario())


def cancel_self() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def leaves_its_task_cancelled() -> TurnResult:
    """As a time-out of async_timeout 4.0.2 does."""
    with suppress(asyncio.CancelledError):
        cancel_self()
        await asyncio.sleep(1)
    return DONE


async def cancels_itself_behind_its_last_line() -> TurnResult:
    cancel_self()
    return DONE


async def cancels_itself() -> TurnResult:
    cancel_self()
    await asyncio.sleep(1)
    return DONE


def test_a_task_left_cancelled_harms_nobody_and_the_turn_counts() -> None:
    async def scenario() -> None:
        assert await run_apart(leaves_its_task_cancelled(), 20.0, lambda: None) == DONE
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(scenario)


@pytest.mark.parametrize("turn", [cancels_itself, cancels_itself_behind_its_last_line])
def test_a_turn_that_cancels_itself_has_failed(turn: Callable[[], "asyncio.Future[TurnResult]"]) -> None:
    async def scenario() -> None:
        assert isinstance(await run_apart(turn(), 20.0, lambda: None), asyncio.CancelledError)

    run(scenario)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), SystemExit(3), BaseException("panic")])
def test_whatever_it_raises_is_its_outcome(error: BaseException) -> None:
    async def raises() -> TurnResult:
        raise error

    async def scenario() -> None:
        assert await run_apart(raises(), 20.0, lambda: None) is error

    run(scenario)


def test_a_turn_that_outlives_its_time_out_is_said_once_and_waited_for() -> None:
    said: list[float] = []

    async def stubborn() -> TurnResult:
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(50)
        return DONE

    async def scenario() -> None:
        now = asyncio.get_running_loop().time
        outcome = await run_apart(stubborn(), 20.0, lambda: said.append(now()))
        assert isinstance(outcome, TimedOut), "it came too late, whatever it was"
        assert now() == 120.0, "20 s, and then two of its pauses"

    run(scenario)
    assert said == [20.0 + apart.GRACE]


def test_the_caller_is_cancelled_only_once_the_turn_has_ended() -> None:
    """Its user lock is held until then: no two turns of a dialog overlap."""
    ended = False

    async def slow_to_end() -> TurnResult:
        nonlocal ended
        try:
            await asyncio.sleep(50)
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(50)
            await asyncio.sleep(3)
            ended = True
        return DONE

    async def scenario() -> None:
        caller = asyncio.create_task(run_apart(slow_to_end(), 1000.0, lambda: None))
        await asyncio.sleep(1)
        for _ in range(2):
            caller.cancel()
            await asyncio.sleep(1)
            assert not caller.done()
        await asyncio.wait([caller])
        assert caller.cancelled()
        assert ended

    run(scenario)
