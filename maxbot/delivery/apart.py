"""The bot's code runs in a task of its own: what it does to that task, or leaves behind in it, is its own."""

import asyncio
from collections.abc import Awaitable, Callable

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
        await asyncio.wait((task,), timeout=timeout)
        if task.done():
            return _outcome(task)
        task.cancel()
        await asyncio.wait((task,), timeout=GRACE)
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
