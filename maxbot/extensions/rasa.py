"""A Rasa server recognises intents and entities, in place of what the bot defines.

Source: https://rasa.com/docs/rasa/pages/http-api (`POST /model/parse`), for entities called `time` the answers of
Duckling, https://github.com/facebook/duckling.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

import msgspec

from maxbot.channels.ask import Request, Timeout, ask
from maxbot.errors import OutcomeUnknown, RetryLater, TurnError
from maxbot.extensions.builder import Builder
from maxbot.nlu.entities import EntitiesResult, RecognizedEntity
from maxbot.nlu.intents import IntentsResult, RecognizedIntent
from maxbot.nlu.recogniser import nothing_recognised

SURE_OF_ENTITY = 0.7
TIMES_OF_DAY = frozenset(("hour", "minute", "second"))
"""Grains whose values have a time of day."""


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Put the server in place of the built-in recogniser."""
    threshold = (config.get("threshold") or {}).get("entity", SURE_OF_ENTITY)
    builder.nlu = Rasa(config["url"], float(threshold))


class Rasa:
    """A Rasa server.

    Args:
        url: What `model/parse` is relative to.
        sure_of_entity: An entity with less confidence does not count.
    """

    def __init__(self, url: str, sure_of_entity: float = SURE_OF_ENTITY) -> None:
        self._url = urljoin(url, "model/parse")
        self._sure_of_entity = sure_of_entity

    async def __call__(
        self, message: Mapping[str, Any], utc_time: datetime | None = None
    ) -> tuple[IntentsResult, EntitiesResult]:
        """Return what the server recognises in a message with a text.

        Raises:
            TurnError: It gave no answer, or none that can be understood.
        """
        text = message.get("text")
        if not isinstance(text, str) or not text:
            return nothing_recognised()
        answer = await self._parse(text)
        try:
            entities = _unique(_entities(answer, self._sure_of_entity))
            return IntentsResult.resolve(_ranking(answer)), EntitiesResult.resolve(entities)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TurnError(f"Rasa's answer cannot be understood ({type(error).__name__}: {error})") from None

    async def _parse(self, text: str) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = Request("POST", self._url, headers, msgspec.json.encode({"text": _sendable(text)}))
        try:
            response = await ask(request, Timeout(), public_only=False)  # the author has chosen it
            if response.status >= 400:
                raise TurnError(f"Rasa answered with status {response.status}")
            return msgspec.json.decode(response.body)
        except (RetryLater, OutcomeUnknown) as error:
            raise TurnError(f"Rasa did not answer: {error.reason}") from None
        except msgspec.DecodeError:
            raise TurnError("Rasa's answer is no JSON") from None


def _sendable(text: str) -> str:
    # Half a surrogate pair is no UTF-8; its place is kept, as positions count characters.
    return text.encode("utf-8", "replace").decode()


def _ranking(answer: Mapping[str, Any]) -> Iterator[RecognizedIntent]:
    """Yield the intent, then the others."""
    first = answer.get("intent") or {}
    others = [other for other in answer.get("intent_ranking") or () if other.get("name") != first.get("name")]
    for intent in (first, *others):
        if intent.get("name") is not None:
            yield RecognizedIntent(str(intent["name"]), float(intent["confidence"]))


def _entities(answer: Mapping[str, Any], sure: float) -> Iterator[RecognizedEntity]:
    for entity in answer.get("entities") or ():
        if entity.get("confidence_entity", 1) < sure:
            continue
        start, end = entity["start"], entity["end"]
        literal = answer["text"][start:end]
        if entity["entity"] == "time":
            for name, value, extras in _times(entity):
                yield RecognizedEntity(name, value, literal, start, end, extras)
        else:
            yield RecognizedEntity(entity["entity"], entity["value"], literal, start, end)


def _times(entity: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, value and extras of the moments that Duckling found in one place."""
    info = entity.get("additional_info") or {}
    prefix = "latent_" if info.get("latent") else ""
    for moment, grain, interval in _moments(entity["value"], info):
        extras = {"granularity": grain, "interval": interval}
        yield f"{prefix}datetime", moment, extras
        if grain in TIMES_OF_DAY:
            yield f"{prefix}time", datetime.fromisoformat(moment).time().isoformat("seconds"), extras
        elif grain:
            yield f"{prefix}date", datetime.fromisoformat(moment).date().isoformat(), extras


def _moments(value: Any, info: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield moment, grain and which end of an interval it is: as sent, then each of the possible values."""
    if isinstance(value, str):
        yield value, None, None
    for end in ("from", "to") if isinstance(value, dict) else ():
        if value.get(end):
            yield value[end], None, end
    for possible in info.get("values") or ():
        if possible.get("type") != "interval":
            yield possible["value"], possible.get("grain"), None
        for end in ("from", "to"):
            if possible.get("type") == "interval" and possible.get(end):
                yield possible[end]["value"], possible[end].get("grain"), end


def _unique(entities: Iterator[RecognizedEntity]) -> list[RecognizedEntity]:
    """Return each find once: the same name, value and place."""
    found: dict[tuple[Any, ...], RecognizedEntity] = {}
    for entity in entities:
        key = (entity.name, str(entity.value), entity.start_char, entity.end_char)
        kept = found.get(key)
        if kept is None or (kept.extras and not kept.extras["granularity"]):
            found[key] = entity
    return list(found.values())
