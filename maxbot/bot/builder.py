"""What a bot is made with before its files are read: what extensions and the author add to the language."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from maxbot.dialog.definitions import ExtensionDefinition
from maxbot.dialog.environment import Environment
from maxbot.dialog.templates import Templates
from maxbot.errors import BotError


class Builder:
    """The parts of a bot, which extensions may add to and replace.

    Args:
        directory: Where the bot's files are; None for a bot without files.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.templates = Templates()
        """What compiles the bot's expressions and templates."""
        self.nlu: Any = None
        """A recogniser in place of the built-in one, None for that."""
        self.language: Any = None
        """What the built-in recogniser knows of the users' language, None for English."""

    @property
    def jinja_env(self) -> Environment:
        """The environment of all templates and expressions."""
        return self.templates.environment

    def add_template_filter(self, function: Callable[..., Any], name: str | None = None) -> None:
        """Add a filter under a name, by default the function's."""
        self.jinja_env.filters[name or function.__name__] = function

    def add_template_test(self, function: Callable[..., Any], name: str | None = None) -> None:
        """Add a test under a name, by default the function's."""
        self.jinja_env.tests[name or function.__name__] = function

    def add_template_global(self, value: Any, name: str | None = None) -> None:
        """Add a function or another value that all templates see."""
        self.jinja_env.globals[name or value.__name__] = value

    def apply(self, extensions: Iterable[ExtensionDefinition]) -> Templates:
        """Let extensions add what they have; return what then compiles the bot.

        Raises:
            BotError: One cannot be had, or does not like its configuration; has the place of its name.
        """
        for extension in extensions:
            # Imported here: most bots have none.
            from maxbot.extensions.registry import load

            try:
                load(extension.name)(self, extension.config)
            except BotError as error:
                raise extension.place.error(error.message) from error
            except Exception as error:
                message = f"the extension {extension.name!r} failed: {type(error).__name__}: {error}"
                raise extension.place.error(message) from error
        return self.templates
