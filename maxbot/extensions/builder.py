"""What an extension sees of the builder of a bot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import jinja2


class Builder(Protocol):
    """The part of a bot's builder that extensions use."""

    nlu: Any
    """A recogniser in place of the built-in one, None for that; see `maxbot.nlu.custom`."""
    language: Any
    """What the built-in recogniser knows of the users' language, None for English; see `maxbot.nlu.language`."""

    @property
    def directory(self) -> Path | None:
        """Where the bot's files are; None for a bot without files."""

    @property
    def jinja_env(self) -> jinja2.Environment:
        """The environment of all templates and expressions of the bot."""

    def add_template_filter(self, function: Callable[..., Any], name: str | None = None) -> None:
        """Add a filter under a name, by default the function's."""

    def add_template_global(self, value: Any, name: str | None = None) -> None:
        """Add a function or another value that all templates see."""


Extension: TypeAlias = Callable[[Builder, Any], object]
"""A function or class that is called with the builder and the configuration.

The configuration is a mapping, or what the attribute `ConfigSchema` converts it to (`maxbot.bot.schemas`).
"""
