"""What an author may change about the built-in recogniser: `builder.nlu`.

`Nlu` is also a recogniser that one of the author's own may ask: give it the resources, then call it with a message.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from maxbot.dialog.definitions import EntityDefinition, EntityValueDefinition, IntentDefinition
from maxbot.dialog.source import Document, Place, Source
from maxbot.errors import BotError
from maxbot.nlu.entities import EntitiesResult
from maxbot.nlu.intents import TOP_THRESHOLD, IntentsResult, RecognizedIntent
from maxbot.nlu.language import ENGLISH, Language
from maxbot.nlu.ranking import SIMILARITY
from maxbot.nlu.recogniser import Own, Part, Recogniser
from maxbot.nlu.tokens import Token

IntentRecogniser: TypeAlias = Callable[[str], Iterable[RecognizedIntent]]
"""Returns the intents that a text may mean, with their confidence."""


class SimilarityRecognizer:
    """Ranks intents by the tokens that their examples share with a text.

    Args:
        spacy_nlp: A spaCy model, whose tokens are taken; None has our own.
        threshold: An example counts if it is more similar than this.
    """

    def __init__(self, spacy_nlp: Any = None, threshold: float = SIMILARITY) -> None:
        self.spacy_nlp = spacy_nlp
        self.threshold = threshold


class Nlu:
    """The built-in recogniser, to be changed before the bot is built.

    Args:
        spacy_nlp: A spaCy model, whose tokens are taken for intents and phrases; dates and numbers stay those of the
            language. None has our own tokens.
    """

    def __init__(self, *, spacy_nlp: Any = None) -> None:
        self.threshold = TOP_THRESHOLD
        """The confidence from which on the best intent is the top one."""
        self.intent_recognizer: SimilarityRecognizer | IntentRecogniser = SimilarityRecognizer(spacy_nlp)
        """Or a function of the author's own."""
        self.entity_recognizers: list[Part | Own] = list(Part)
        """In this order. Functions of the author's own may stand among them, or in their place."""
        self._spacy_nlp = spacy_nlp
        self._loaded: Recogniser | None = None

    def recogniser(
        self, intents: Iterable[IntentDefinition], entities: Iterable[EntityDefinition], language: Language = ENGLISH
    ) -> Recogniser:
        """Return what recognises the intents and entities of a bot.

        Raises:
            BotError: One of them cannot be used, or a function is asynchronous: `builder.nlu` itself may be.
        """
        own = self.intent_recognizer
        similar = own if isinstance(own, SimilarityRecognizer) else None
        for function in (*self.entity_recognizers, *([] if similar else [own])):
            if inspect.iscoroutinefunction(function):
                raise BotError(f"{function.__name__} is async: put an async function in the place of builder.nlu")
        return Recogniser(
            intents,
            entities,
            _with_tokens(language, self._spacy_nlp),
            self.threshold,
            similarity=similar.threshold if similar else SIMILARITY,
            words=_with_tokens(language, similar.spacy_nlp if similar else None).words,
            rank=None if isinstance(own, SimilarityRecognizer) else own,
            finders=tuple(self.entity_recognizers),
        )

    def load_resources(self, resources: Any) -> None:
        """Take the intents and entities of resources, for a recogniser of the author's own that asks this one."""
        self._loaded = self.recogniser(
            [_intent(one) for one in resources.load_intents()], [_entity(one) for one in resources.load_entities()]
        )

    async def __call__(
        self, message: Mapping[str, Any], utc_time: datetime | None = None
    ) -> tuple[IntentsResult, EntitiesResult]:
        """Return the intents and entities of a message."""
        recogniser = self._loaded or self.recogniser((), ())
        return recogniser.recognise(message, utc_time or datetime.now(UTC))


def _with_tokens(language: Language, spacy_nlp: Any) -> Language:
    if spacy_nlp is None:
        return language

    def tokenise(text: str) -> list[Token]:
        # Half a surrogate pair is no text for spaCy; a question mark keeps the positions of all others.
        readable = text.encode("utf-8", "replace").decode()
        return [Token(text[token.idx : token.idx + len(token)], token.idx) for token in spacy_nlp(readable)]

    return language._replace(tokenise=tokenise)


_NOWHERE = Place(Document("<resources>"), 1, 1)


def _intent(data: Mapping[str, Any]) -> IntentDefinition:
    return IntentDefinition(name=data["name"], examples=tuple(data["examples"]), place=_NOWHERE)


def _entity(data: Mapping[str, Any]) -> EntityDefinition:
    return EntityDefinition(name=data["name"], values=tuple(map(_value, data.get("values", ()))), place=_NOWHERE)


def _value(data: Mapping[str, Any]) -> EntityValueDefinition:
    regexps = tuple(Source(text, _NOWHERE, (1,)) for text in data.get("regexps", ()))
    return EntityValueDefinition(
        name=data["name"], phrases=tuple(data.get("phrases", ())), regexps=regexps, place=_NOWHERE
    )
