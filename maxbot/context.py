"""What a recogniser and a middleware of an author's own make and are given, as bots of MaxBot 0.3 import it."""

from maxbot.bot.variables import StateVariables
from maxbot.nlu.entities import EntitiesResult, RecognizedEntity
from maxbot.nlu.intents import IntentsResult, RecognizedIntent

__all__ = ["EntitiesResult", "IntentsResult", "RecognizedEntity", "RecognizedIntent", "StateVariables"]
