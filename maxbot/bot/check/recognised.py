"""Intents and entities that are defined twice: allowed, and seldom meant."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from maxbot.dialog.definitions import BotDefinition, EntityDefinition, IntentDefinition
from maxbot.dialog.source import Place

_Defined = TypeVar("_Defined", IntentDefinition, EntityDefinition)


def defined_twice(bot: BotDefinition) -> Iterator[tuple[Place, str]]:
    """Yield the second intent or entity of a name in a file. Several files may share an intent on purpose."""
    for intent, first in _again(bot.intents):
        yield (
            intent.place,
            f"the intent {intent.name!r} is in line {first.line} already: their examples are put together",
        )
    for entity, first in _again(bot.entities):
        yield (
            entity.place,
            f"the entity {entity.name!r} is in line {first.line} already: both find, but only the values of this one"
            " are false where they were not found",
        )


def _again(defined: Sequence[_Defined]) -> Iterator[tuple[_Defined, Place]]:
    first: dict[tuple[str, str], Place] = {}
    for each in defined:
        known = first.setdefault((each.name, each.place.document.file), each.place)
        if known is not each.place:
            yield each, known
