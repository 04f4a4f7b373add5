"""What a bot recognises in a message: nothing at all, intents and entities, or what a recogniser of its own finds."""

from datetime import datetime
from typing import Any

from maxbot.dialog.definitions import BotDefinition
from maxbot.types import Message


class NoRecognition:
    """For bots that never ask what was recognised."""

    nothing: tuple[Any, Any] = (None, None)
    """Intents and entities of a request."""

    async def recognise(self, message: Message, utc_time: datetime) -> tuple[Any, Any]:
        """Return intents and entities of a message."""
        return self.nothing

    def keep(self, value: Any) -> Any:
        """Return what a slot keeps of what was found for it."""
        return value


class Recognition(NoRecognition):
    """The built-in recogniser, or another one in its place.

    Args:
        definition: Has the intents and entities.
        own: Recognises instead; None: the built-in one does.
        language: Of the users, for the built-in one; None is English.
        changed: What an author has changed about the built-in one (`maxbot.nlu.settings`); None: nothing.

    Raises:
        BotError: A regular expression cannot be used; has its place.
    """

    def __init__(self, definition: BotDefinition, own: Any = None, language: Any = None, changed: Any = None) -> None:
        # Imported here: bots that ask for neither intents nor entities do without.
        from maxbot.nlu.custom import ask
        from maxbot.nlu.entities import EntityProxy, RecognizedEntity
        from maxbot.nlu.intents import RecognizedIntent
        from maxbot.nlu.language import ENGLISH
        from maxbot.nlu.recogniser import Recogniser, nothing_recognised

        self._own = own
        self._ask = ask
        make = Recogniser if changed is None else changed.recogniser
        self._built_in = None if own else make(definition.intents, definition.entities, language or ENGLISH)
        self._entities, self._entity, self._intent = EntityProxy, RecognizedEntity, RecognizedIntent
        self.nothing = nothing_recognised()

    async def recognise(self, message: Message, utc_time: datetime) -> tuple[Any, Any]:
        """Return intents and entities of a message."""
        if self._built_in is not None:
            return self._built_in.recognise(message, utc_time)
        return await self._ask(self._own, message, utc_time)

    def keep(self, value: Any) -> Any:
        """Return an entity's first value, and True for an intent.

        Raises:
            ValueError: The message has no such entity.
        """
        if isinstance(value, self._entities):
            if value.first is None:
                raise ValueError("its value is an entity that the message does not have; check_for can ask for it")
            value = value.first
        if isinstance(value, self._entity):
            return value.value
        return True if isinstance(value, self._intent) else value
