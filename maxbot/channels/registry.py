"""The types of channels by name: those that come with maxbot, and those that installed packages bring.

A package names its own as an entry point: `[project.entry-points.maxbot_channels]`, `acme = "acme.channel:Acme"`.
Only what a bot names is imported: channels bring HTTP clients with them.
"""

import functools
import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from maxbot.channels.base import Channel
from maxbot.errors import UsageError

GROUP = "maxbot_channels"

TYPES: Mapping[str, str] = {
    "facebook": "maxbot.channels.facebook:FacebookChannel",
    "slack": "maxbot.channels.slack:SlackChannel",
    "telegram": "maxbot.channels.telegram:TelegramChannel",
    "viber": "maxbot.channels.viber:ViberChannel",
    "vk": "maxbot.channels.vk:VkChannel",
    "web": "maxbot.channels.web:WebChannel",
    "whatsapp": "maxbot.channels.whatsapp:WhatsAppChannel",
}
"""Those that come with maxbot: where the class is."""


@functools.cache
def _installed() -> Mapping[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP)}


class _Known(Mapping[str, str]):
    """Ours go before those of packages, which are looked at only where ours do not do."""

    def __getitem__(self, name: str) -> str:
        return TYPES[name] if name in TYPES else _installed()[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**TYPES, **_installed()})

    def __len__(self) -> int:
        return len({**TYPES, **_installed()})


def known_types() -> Mapping[str, str]:
    """Return where the classes of all types are."""
    return _Known()


def channel_class(type_: str) -> type[Channel]:
    """Return the class of a type; it has `Options`, a msgspec struct of what a bot.yaml may say.

    Raises:
        KeyError: There is no such type.
        UsageError: A package names a class that is not there, or is no channel.
    """
    where = known_types()[type_]
    module, _, attribute = where.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"The channel {type_!r} cannot be loaded from {where}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Channel) and hasattr(found, "Options")):
        raise UsageError(f"{where} is no class of a channel with Options")
    return found
