"""What an author puts around each turn.

A middleware has `process_message(next)`, `process_rpc(next)` or both. Each gets the step inside and returns its own:
an async function `(message, dialog, state)` that returns the replies, and may call `next` with the same, with others,
or not at all. `message` is a message or a request, `dialog` has `channel_name` and `user_id`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeAlias

from maxbot.bot.calls import call
from maxbot.bot.variables import StateVariables

Replies: TypeAlias = list[dict[str, Any]]

Step: TypeAlias = Callable[[Any, dict[str, str], StateVariables], Awaitable[Replies]]
"""Runs a turn, or a part of what is around it."""

Middleware: TypeAlias = Any
"""An object with `process_message(next)`, `process_rpc(next)` or both."""


Method: TypeAlias = Literal["process_message", "process_rpc"]


def around(step: Step, middleware: Sequence[Middleware], method: Method) -> Step:
    """Return a step with everything around it; the last of the sequence is outermost."""
    for one in middleware:
        wrap = getattr(one, method, None)
        if wrap is not None:
            step = _told(wrap(step))
    return step


def _told(step: Step) -> Step:
    """Let errors of a step name the author's own line."""

    async def told(message: Any, dialog: dict[str, str], state: StateVariables) -> Replies:
        replies: Replies = await call(step, message, dialog, state)
        return replies

    return told
