"""Wait for something, and not for ever."""

import asyncio


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Wait until an event is set, and not longer than so many seconds; return whether it is."""
    try:
        # Not `wait_for`: in Python 3.11 it swallows a cancellation in the moment in which the event is set.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
