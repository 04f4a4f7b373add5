"""The types of channels by name. Only what a bot names is imported: channels bring HTTP clients with them."""

import importlib
from collections.abc import Mapping

from maxbot.channels.base import Channel

TYPES: Mapping[str, str] = {
    "telegram": "maxbot.channels.telegram:TelegramChannel",
    "web": "maxbot.channels.web:WebChannel",
}
"""Those that come with maxbot: where the class is."""


def known_types() -> Mapping[str, str]:
    """Return all types."""
    return TYPES


def channel_class(type_: str) -> type[Channel]:
    """Return the class of a type; it has `Options`, a msgspec struct of what a bot.yaml may say.

    Raises:
        KeyError: There is no such type.
    """
    module, _, attribute = known_types()[type_].partition(":")
    found: type[Channel] = getattr(importlib.import_module(module), attribute)
    return found
