"""maxbot: a server for messenger bots.

What the author of a bot imports is listed in `__all__`; everything else may change between releases.

The names are loaded when they are first used: `maxbot --help` and the supervisor's signal handlers must not
wait for the template engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maxbot.bot import MaxBot, Turn
    from maxbot.channels.base import Channel
    from maxbot.channels.media import Media
    from maxbot.errors import BotError, CannotFetch, MaxBotError
    from maxbot.types import Command, Dialog, Update

__version__ = "0.4.0.dev0"

__all__ = [
    "BotError",
    "CannotFetch",
    "Channel",
    "Command",
    "Dialog",
    "MaxBot",
    "MaxBotError",
    "Media",
    "Turn",
    "Update",
]

_HOMES = {
    "MaxBot": "maxbot.bot",
    "Channel": "maxbot.channels.base",
    "BotError": "maxbot.errors",
    "CannotFetch": "maxbot.errors",
    "MaxBotError": "maxbot.errors",
    "Command": "maxbot.types",
    "Dialog": "maxbot.types",
    "Media": "maxbot.channels.media",
    "Turn": "maxbot.bot.handler",
    "Update": "maxbot.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'maxbot' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
