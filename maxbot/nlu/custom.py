"""A recogniser of the author's own in place of ours: `builder.nlu = recognise`, a function, also an `async` one."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias

from maxbot.errors import TurnError
from maxbot.nlu.entities import EntitiesResult
from maxbot.nlu.intents import IntentsResult

Recognised: TypeAlias = tuple[IntentsResult, EntitiesResult]


class Nlu(Protocol):
    """What recognises: called with each message, may have `load_resources(resources)`, called at load and reload."""

    def __call__(
        self, message: Mapping[str, Any], utc_time: datetime | None = None
    ) -> Recognised | Awaitable[Recognised]:
        """Return the intents and entities of a message."""


async def ask(nlu: Nlu, message: Mapping[str, Any], utc_time: datetime) -> Recognised:
    """Return what an author's recogniser makes of a message.

    Raises:
        TurnError: It returned something else. What it raises itself is passed on.
    """
    answer = nlu(message, utc_time=utc_time)
    if isawaitable(answer):
        answer = await answer
    match answer:
        case (IntentsResult() as intents, EntitiesResult() as entities):
            return intents, entities
    raise TurnError(
        f"the recogniser returned {type(answer).__name__}, not (IntentsResult, EntitiesResult):"
        " make them with IntentsResult.resolve([...]) and EntitiesResult.resolve([...])"
    )
