"""The built-in types of channels. Only what a bot names is imported: channels bring HTTP clients with them."""

import importlib

from maxbot.channels.base import Channel

TYPES = {
    "telegram": "maxbot.channels.telegram:TelegramChannel",
    "web": "maxbot.channels.web:WebChannel",
}


def channel_class(type_: str) -> type[Channel]:
    """Return the class of a built-in type."""
    module, _, attribute = TYPES[type_].partition(":")
    found: type[Channel] = getattr(importlib.import_module(module), attribute)
    return found
