"""Definitions for tests, without a file around them."""

from maxbot.dialog.definitions import EntityDefinition, EntityValueDefinition, IntentDefinition
from maxbot.dialog.source import Document, Place, Source

PLACE = Place(Document("bot.yaml", "a line of the bot\n"), 1, 1)


def intent(name: str, *examples: str) -> IntentDefinition:
    """Return an intent."""
    return IntentDefinition(name=name, examples=examples, place=PLACE)


def regexp(text: str) -> Source:
    """Return a regular expression."""
    return Source(text, PLACE, (1,))


def value(name: str, *phrases: str, regexps: tuple[str, ...] = ()) -> EntityValueDefinition:
    """Return a value of an entity."""
    return EntityValueDefinition(name=name, phrases=phrases, regexps=tuple(map(regexp, regexps)), place=PLACE)


def entity(name: str, *values: EntityValueDefinition) -> EntityDefinition:
    """Return an entity."""
    return EntityDefinition(name=name, values=values, place=PLACE)
