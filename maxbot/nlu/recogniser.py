"""From a message to its intents and entities: made once for a bot, asked once for a message."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

from maxbot.dialog.definitions import EntityDefinition, IntentDefinition
from maxbot.nlu.addresses import find_emails, find_urls
from maxbot.nlu.entities import BUILT_IN, EntitiesResult, Found, RecognizedEntity
from maxbot.nlu.intents import TOP_THRESHOLD, IntentsResult, RecognizedIntent
from maxbot.nlu.language import ENGLISH, Language
from maxbot.nlu.phrases import Phrases
from maxbot.nlu.ranking import SIMILARITY, Ranking
from maxbot.nlu.regexps import Regexps
from maxbot.nlu.tokens import Token


class Part(StrEnum):
    """What looks for entities."""

    PHRASES = "phrases"
    REGEXPS = "regexps"
    DATES = "dates"
    REST = "rest"
    """Numbers, emails and URLs, by position."""


Own: TypeAlias = Callable[[str, datetime], Iterable[RecognizedEntity]]
"""A function of the author's own: given a text and the time of the turn, it returns what it finds."""

DATE_NAMES = frozenset(("date", "time", "latent_date"))


class Recogniser:
    """What a bot recognises; examples, phrases and expressions are prepared when it is made."""

    def __init__(
        self,
        intents: Iterable[IntentDefinition],
        entities: Iterable[EntityDefinition],
        language: Language = ENGLISH,
        threshold: float = TOP_THRESHOLD,
        *,
        similarity: float = SIMILARITY,
        words: Callable[[str], list[str]] | None = None,
        rank: Callable[[str], Iterable[RecognizedIntent]] | None = None,
        finders: Sequence[Part | Own] = tuple(Part),
    ) -> None:
        """Prepare what is to be recognised.

        Args:
            intents: In order of definition.
            entities: In order of definition.
            language: How texts are cut, and which numbers and dates they have.
            threshold: The confidence from which on the best intent is the top one.
            similarity: An example counts if it is more similar to a text than this.
            words: Cuts texts and examples of intents; None: as the language does.
            rank: Ranks the intents for a text in place of the examples.
            finders: What looks for entities, in this order.

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
        self.finders = tuple(finders)
        self._rank = rank
        self._words = words
        cut = words or language.words
        self.ranking = Ranking(((one.name, cut(text)) for one in intents for text in one.examples), similarity)
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
            IntentsResult(lambda: self._ranked(text, reading), self.threshold, self.intent_names),
            EntitiesResult(reading, self.definitions),
        )

    def _ranked(self, text: str, reading: "Reading") -> Sequence[RecognizedIntent]:
        if self._rank is not None:
            return sorted(self._rank(text), key=lambda intent: -intent.confidence)
        return self.ranking.rank(reading.words if self._words is None else self._words(text))


def nothing_recognised() -> tuple[IntentsResult, EntitiesResult]:
    """Return what there is in a message without a text and in an RPC turn: no name is an error, none is found."""
    return IntentsResult(lambda: ()), EntitiesResult(Found(), {})


class Reading:
    """One text as it is recognised, each part at the first question for it."""

    def __init__(self, recogniser: Recogniser, text: str, utc_time: datetime) -> None:
        self._recogniser = recogniser
        self._text = text
        self._utc_time = utc_time
        self._own: dict[Own, Sequence[RecognizedEntity]] = {}

    def find(self, name: str) -> Sequence[RecognizedEntity]:
        """Return what was found of one entity, in order."""
        found = [self._found_of(finder, name) for finder in self._recogniser.finders]
        return [find for part in found for find in part if find.name == name]

    def find_all(self) -> Sequence[RecognizedEntity]:
        """Return everything: usually phrases, expressions, dates and times, the rest by position."""
        return [find for finder in self._recogniser.finders for find in self._found(finder)]

    def _found_of(self, finder: Part | Own, name: str) -> Sequence[RecognizedEntity]:
        """Return what may be of this name; what is of none of a finder's names is not even looked for."""
        match finder:
            case Part.PHRASES | Part.REGEXPS:
                return self._found(finder) if name in self._recogniser.own_names else ()
            case Part.DATES:
                return self._dates if name in DATE_NAMES else ()
            case Part.REST:
                return self._numbers if name == "number" else self._addresses if name in ("email", "url") else ()
        return self._found(finder)

    def _found(self, finder: Part | Own) -> Sequence[RecognizedEntity]:
        match finder:
            case Part.PHRASES:
                return self._phrases
            case Part.REGEXPS:
                return self._regexps
            case Part.DATES:
                return self._dates
            case Part.REST:
                return self._rest
        if finder not in self._own:
            self._own[finder] = tuple(finder(self._text, self._utc_time))
        return self._own[finder]

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
    def _rest(self) -> list[RecognizedEntity]:
        return sorted([*self._numbers, *self._addresses], key=lambda find: find.start_char)

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
