import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from maxbot.errors import TurnError
from maxbot.nlu.custom import Nlu, Recognised, ask
from maxbot.nlu.entities import EntitiesResult, RecognizedEntity
from maxbot.nlu.intents import IntentsResult, RecognizedIntent

NOW = datetime(2024, 5, 14, tzinfo=UTC)


def recognise(message: Mapping[str, Any], utc_time: datetime | None = None) -> Recognised:
    assert utc_time == NOW
    intents = IntentsResult.resolve([RecognizedIntent(message["text"], 1)])
    return intents, EntitiesResult.resolve([RecognizedEntity("x", "v", "l", 0, 1)])


async def recognise_slowly(message: Mapping[str, Any], utc_time: datetime | None = None) -> Recognised:
    await asyncio.sleep(0)
    return recognise(message, utc_time)


@pytest.mark.parametrize("nlu", [recognise, recognise_slowly])
def test_an_own_recogniser_may_be_a_function_or_a_coroutine(nlu: Nlu) -> None:
    intents, entities = asyncio.run(ask(nlu, {"text": "hi"}, NOW))
    assert intents.hi is not None
    assert intents.anything is None
    assert entities.x.v is True
    assert not hasattr(entities, "number")


def test_an_own_recogniser_that_returns_something_else_is_told_what_to_return() -> None:
    def wrong(message: Mapping[str, Any], utc_time: datetime | None = None) -> Any:
        return [], []

    with pytest.raises(TurnError, match="not \\(IntentsResult, EntitiesResult\\)"):
        asyncio.run(ask(wrong, {}, NOW))
