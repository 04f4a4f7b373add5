import asyncio
import json
from typing import Any

import pytest

from maxbot.errors import TurnError
from maxbot.extensions.rasa import Rasa, extension
from maxbot.nlu.entities import EntitiesResult
from maxbot.nlu.intents import IntentsResult
from tests.extensions.support import NOW, built


def recognised(
    answer: Any, message: dict[str, Any], status: int = 200, path: str = "/", **config: Any
) -> tuple[IntentsResult, EntitiesResult, list[bytes]]:
    """Return what a recogniser makes of a message, and what a server that answers so was asked."""
    asked: list[bytes] = []
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        asked.extend((head.splitlines()[0], await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async def ask() -> tuple[IntentsResult, EntitiesResult, list[bytes]]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            rasa = built(extension, {"url": f"http://127.0.0.1:{port}{path}", **config}).nlu
            intents, entities = await rasa(message, utc_time=NOW)
            return intents, entities, asked

    return asyncio.run(ask())


def time_entity(value: Any, *values: dict[str, Any], **info: Any) -> dict[str, Any]:
    found = {"entity": "time", "start": 0, "end": 8, "value": value, "additional_info": {"values": values, **info}}
    return {"text": "tomorrow", "entities": [found]}


def test_the_server_is_asked_and_ranks() -> None:
    answer = {
        "text": "hi",
        "intent": {"name": "greet", "confidence": 0.9},
        "intent_ranking": [{"name": "greet", "confidence": 0.9}, {"name": "bye", "confidence": 0.1}],
    }
    intents, entities, asked = recognised(answer, {"text": "hi"}, path="/base/")
    assert asked == [b"POST /base/model/parse HTTP/1.1", b'{"text":"hi"}']
    assert intents.greet is not None
    assert intents.anything is None
    assert [(intent.name, intent.confidence) for intent in intents.ranking] == [("greet", 0.9), ("bye", 0.1)]
    assert not hasattr(entities, "number")
    assert recognised({"intent": {"name": "greet", "confidence": 0.4}}, {"text": "hi"})[0].irrelevant


def test_entities_that_it_is_sure_of() -> None:
    found = {"entity": "city", "start": 3, "end": 7, "value": "rome"}
    unsure = {"entity": "size", "start": 0, "end": 2, "value": "s", "confidence_entity": 0.6}
    answer = {"text": "to Rome", "entities": [found, found, unsure]}
    _, entities, _ = recognised(answer, {"text": "to Rome"})
    assert [(find.value, find.literal, find.start_char) for find in entities.city.all_objects] == [("rome", "Rome", 3)]
    assert not hasattr(entities, "size")
    assert recognised(answer, {"text": "to Rome"}, threshold={"entity": 0.5})[1].size.value == "s"


def test_times_of_duckling() -> None:
    day = "2024-05-15T00:00:00.000+02:00"
    _, entities, _ = recognised(time_entity(day, {"type": "value", "value": day, "grain": "day"}), {"text": "x"})
    assert [(find.name, find.value) for find in entities.all_objects] == [("datetime", day), ("date", "2024-05-15")]
    assert entities.date.first is not None
    assert entities.date.first.extras == {"granularity": "day", "interval": None}
    hour = "2024-05-15T17:30:00.000+02:00"
    answer = time_entity(hour, {"type": "value", "value": hour, "grain": "minute"}, latent=True)
    _, entities, _ = recognised(answer, {"text": "x"})
    assert entities.latent_time.value == "17:30:00"
    assert not hasattr(entities, "time")


def test_intervals_of_duckling() -> None:
    ends = {"from": "2024-05-15T00:00:00+00:00", "to": "2024-05-17T00:00:00+00:00"}
    values = {end: {"value": value, "grain": "day"} for end, value in ends.items()}
    _, entities, _ = recognised(time_entity(ends, {"type": "interval", **values}), {"text": "x"})
    assert [(find.value, find.extras["interval"]) for find in entities.date.all_objects if find.extras] == [
        ("2024-05-15", "from"),
        ("2024-05-17", "to"),
    ]
    assert entities.datetime.all_values == tuple(ends.values())


@pytest.mark.parametrize("message", [{}, {"text": ""}, {"image": {"url": "http://example.org"}}])
def test_without_a_text_nobody_is_asked(message: dict[str, Any]) -> None:
    intents, entities, asked = recognised({}, message)
    assert intents.top is None
    assert entities.all_objects == ()
    assert asked == []


def test_whatever_a_user_writes_is_sent_as_text() -> None:
    assert json.loads(recognised({}, {"text": "\ud800 \0"})[2][1]) == {"text": "? \0"}


@pytest.mark.parametrize("answer", [b"no json", [], {"entities": [{}]}, {"entities": 5}, {"intent": {"name": "x"}}])
def test_an_answer_that_nobody_understands_fails_the_turn(answer: Any) -> None:
    with pytest.raises(TurnError, match="Rasa's answer"):
        recognised(answer, {"text": "x"})


def test_no_success_fails_the_turn() -> None:
    with pytest.raises(TurnError, match="status 500"):
        recognised({}, {"text": "x"}, status=500)
    with pytest.raises(TurnError, match="did not answer"):
        asyncio.run(Rasa("http://127.0.0.1:1/")({"text": "x"}))
