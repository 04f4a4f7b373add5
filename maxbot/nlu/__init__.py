"""The language work: a message and the time of its turn become intents and entities.

Imported only for bots whose templates name `intents` or `entities`, and computed when a template asks. English, of our
own, without any library. No clock is read here and nothing is stored: the caller gives the time.

    settings.py    what a bot's author may change about it: `builder.nlu.threshold = 0.6`
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maxbot.nlu.settings import Nlu, SimilarityRecognizer

__all__ = ["Nlu", "SimilarityRecognizer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'maxbot.nlu' has no attribute {name!r}")
    return getattr(import_module("maxbot.nlu.settings"), name)
