"""Applies an extension to the builder of a bot."""

from typing import TYPE_CHECKING, Any

from maxbot.bot.schemas import read_schema
from maxbot.dialog.definitions import ExtensionDefinition
from maxbot.errors import BotError
from maxbot.extensions.registry import load

if TYPE_CHECKING:
    from maxbot.bot.builder import Builder


def extend(builder: "Builder", definition: ExtensionDefinition) -> None:
    """Let an extension add what it has.

    Raises:
        BotError: It cannot be had, or does not like its configuration; has the place of its name.
    """
    try:
        extension = load(definition.name, builder.available_extensions)
        extension(builder, _config(extension, definition.config))
    except BotError as error:
        raise definition.place.error(error.message) from error
    except Exception as error:
        message = f"the extension {definition.name!r} failed: {type(error).__name__}: {error}"
        raise definition.place.error(message) from error


def _config(extension: Any, config: dict[str, Any]) -> Any:
    """Return the configuration as the extension's own schema converts it."""
    schema = getattr(extension, "ConfigSchema", None)
    if schema is None:
        return config
    try:
        return read_schema(schema).load(config)
    except ValueError as error:
        raise BotError(f"its configuration is wrong: {error}") from error
