"""From a message to its intents and entities: made once for a bot, asked once for a message."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from maxbot.dialog.definitions import EntityDefinition, IntentDefinition
from maxbot.nlu.addresses import find_emails, find_urls
from maxbot.nlu.entities import BUILT_IN, EntitiesResult, Found, RecognizedEntity
from maxbot.nlu.intents import TOP_THRESHOLD, IntentsResult
from maxbot.nlu.language import ENGLISH, Language
from maxbot.nlu.phrases import Phrases
from maxbot.nlu.ranking import Ranking
from maxbot.nlu.regexps import Regexps
from maxbot.nlu.tokens import Token

DATE_NAMES = frozenset(("date", "time", "latent_date"))


class Recogniser:
    """What a bot recognises; examples, phrases and expressions are prepared when it is made."""

    def __init__(
        self,
        intents: Iterable[IntentDefinition],
        entities: Iterable[EntityDefinition],
        language: Language = ENGLISH,
        threshold: float = TOP_THRESHOLD,
    ) -> None:
        """Prepare what is to be recognised.

        Args:
            intents: In order of definition.
            entities: In order of definition.
            language: How texts are cut, and which numbers and dates they have.
            threshold: The confidence from which on the best intent is the top one.

        Raises:
            BotError: A regular expression cannot be used; has its place.
        """
        intents, entities = tuple(intents), tuple(entities)
        self.language = language
        self.threshold = threshold
        self.intent_names = dict.fromkeys(intent.name for intent in intents)
        # Of two entities of one name the last one's values are the defined ones, of a built-in one none.
        self.definitions = {entity.name: frozenset(value.name for value in entity.values) for entity in entities}
        self.definitions |= dict.fromkeys(BUILT_IN, frozenset[str]())
        self.ranking = Ranking((intent.name, language.words(text)) for intent in intents for text in intent.examples)
        self.phrases = Phrases(_phrases(entities, language))
        self.regexps = Regexps(
            (entity.name, value.name, regexp)
            for entity in entities
            for value in entity.values
            for regexp in value.regexps
        )
        self.own_names = frozenset(entity.name for entity in entities)

    def recognise(self, message: Mapping[str, Any], utc_time: datetime) -> tuple[IntentsResult, EntitiesResult]:
        """Return intents and entities of a message; they are computed when somebody asks for them.

        Args:
            message: What the user said; nothing is recognised in one without a text.
            utc_time: The time of the turn, which dates are relative to.
        """
        text = message.get("text")
        if not isinstance(text, str):
            return nothing_recognised()
        reading = Reading(self, text, utc_time)
        return (
            IntentsResult(lambda: self.ranking.rank(reading.words), self.threshold, self.intent_names),
            EntitiesResult(reading, self.definitions),
        )


def nothing_recognised() -> tuple[IntentsResult, EntitiesResult]:
    """Return what there is in a message without a text and in an RPC turn: no name is an error, none is found."""
    return IntentsResult(lambda: ()), EntitiesResult(Found(), {})


class Reading:
    """One text as it is recognised, each part at the first question for it."""

    def __init__(self, recogniser: Recogniser, text: str, utc_time: datetime) -> None:
        self._recogniser = recogniser
        self._text = text
        self._utc_time = utc_time

    def find(self, name: str) -> Sequence[RecognizedEntity]:
        """Return what was found of one entity, in order."""
        parts: list[Sequence[RecognizedEntity]] = []
        if name in self._recogniser.own_names:
            parts += [self._phrases, self._regexps]
        if name in DATE_NAMES:
            parts.append(self._dates)
        if name == "number":
            parts.append(self._numbers)
        if name in ("email", "url"):
            parts.append(self._addresses)
        return [find for part in parts for find in part if find.name == name]

    def find_all(self) -> Sequence[RecognizedEntity]:
        """Return everything: phrases, expressions, dates and times, the rest by position."""
        rest = sorted([*self._numbers, *self._addresses], key=lambda find: find.start_char)
        return [*self._phrases, *self._regexps, *self._dates, *rest]

    @cached_property
    def words(self) -> list[str]:
        """The tokens in small letters."""
        return [token.text.lower() for token in self._tokens]

    @cached_property
    def _tokens(self) -> list[Token]:
        return self._recogniser.language.tokenise(self._text)

    @cached_property
    def _phrases(self) -> list[RecognizedEntity]:
        return self._recogniser.phrases.find(self._text, self._tokens)

    @cached_property
    def _regexps(self) -> list[RecognizedEntity]:
        return self._recogniser.regexps.find(self._text)

    @cached_property
    def _dates(self) -> list[RecognizedEntity]:
        return self._recogniser.language.find_dates(self._text, self._utc_time)

    @cached_property
    def _numbers(self) -> list[RecognizedEntity]:
        """The numbers that do not begin or end inside a date or time."""
        taken = {place for find in self._dates for place in range(find.start_char, find.end_char)}
        numbers = self._recogniser.language.find_numbers(self._text, self._tokens)
        return [find for find in numbers if find.start_char not in taken and find.end_char - 1 not in taken]

    @cached_property
    def _addresses(self) -> list[RecognizedEntity]:
        return [*find_emails(self._tokens), *find_urls(self._tokens)]


def _phrases(entities: Iterable[EntityDefinition], language: Language) -> Iterator[tuple[str, str, list[str]]]:
    for entity in entities:
        for value in entity.values:
            for phrase in value.phrases:
                yield entity.name, value.name, language.words(phrase)
