"""Which extensions there are, by name."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from maxbot.errors import BotError
from maxbot.extensions.builder import Extension

GROUP = "maxbot_extensions"
"""Of entry points."""

BUILT_IN = {
    "rest": "maxbot.extensions.rest",
    "datetime": "maxbot.extensions.datetime",
    "babel": "maxbot.extensions.babel",
    "rasa": "maxbot.extensions.rasa",
    "jinja_loader": "maxbot.extensions.jinja_loader",
}
"""Modules with a function `extension`."""


def installed() -> list[str]:
    """Return the names of the extensions of installed packages; none is imported."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} - set(BUILT_IN))


def load(name: str, available: Mapping[str, Extension] | None = None) -> Extension:
    """Import an extension.

    Args:
        name: That of the section `extensions`.
        available: Those of the author, by name.

    Raises:
        BotError: There is none of this name, or it cannot be imported.
    """
    if available and name in available:
        return available[name]
    try:
        if name in BUILT_IN:
            extension: Extension = import_module(BUILT_IN[name]).extension
            return extension
        for entry in entry_points(group=GROUP, name=name):
            found: Extension = entry.load()
            return found
    except (ImportError, AttributeError) as error:
        raise BotError(f"the extension {name!r} cannot be imported: {error}") from error
    raise BotError(f"there is no extension {name!r}")
