"""The bot's code runs in a task of its own: what it does to that task, or leaves behind in it, is its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from maxbot.types import TurnResult

GRACE = 1.0
"""Seconds that a turn has to end once it is cancelled, before that is said."""


class TimedOut(TimeoutError):
    """A turn took longer than it may."""


async def run_apart(
    turn: Awaitable[TurnResult], timeout: float, outlives: Callable[[], None]
) -> TurnResult | BaseException:
    """Run a turn to its end. Only a cancellation of the caller's own task is passed on.

    Args:
        turn: The bot's code.
        timeout: Seconds after which it is cancelled.
        outlives: Called, once, if that does not end it.

    Returns:
        What came of it, or what it raised, whatever that is; `TimedOut` if it took too long, also where it
        returned something in the end.

    Raises:
        CancelledError: The caller was cancelled, because of a stop or a lost lock. The turn has ended by then.
    """
    task = asyncio.create_task(_caught(turn))
    try:
        await _until_it_ends(task, timeout)
        if task.done():
            return _outcome(task)
        task.cancel()
        await _until_it_ends(task, GRACE)
        if not task.done():
            outlives()
            await asyncio.wait((task,))
        return _late(_outcome(task))
    except asyncio.CancelledError:
        while not task.done():  # its user lock is held until then
            task.cancel()
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                continue
        raise


async def _until_it_ends(task: asyncio.Task[Any], seconds: float) -> None:
    """Wait for a task, for so long at most; `asyncio.wait`, for any number of them, costs three times as much."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()

    def end(_: Any = None) -> None:
        if not over.done():
            over.set_result(None)

    task.add_done_callback(end)
    alarm = loop.call_later(seconds, end)
    try:
        await over
    finally:
        alarm.cancel()
        task.remove_done_callback(end)


async def _caught(turn: Awaitable[TurnResult]) -> TurnResult | BaseException:
    try:
        return await turn
    except BaseException as error:  # a KeyboardInterrupt in a task would end the event loop
        return error


def _outcome(task: asyncio.Task[TurnResult | BaseException]) -> TurnResult | BaseException:
    # Whoever cancels its own task and then waits for nothing more is cancelled behind its last line.
    return asyncio.CancelledError("the turn cancelled itself") if task.cancelled() else task.result()


def _late(outcome: TurnResult | BaseException) -> TimedOut:
    error = TimedOut("the turn was cancelled")
    error.__cause__ = outcome if isinstance(outcome, BaseException) else None
    return error
