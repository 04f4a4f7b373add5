"""A builder that keeps what extensions do with it, and an environment to try it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from maxbot.extensions.builder import Extension

NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)


class FakeBuilder:
    """The least that a bot's builder has."""

    def __init__(self, directory: Path | None = None) -> None:
        self.nlu: Any = None
        self.language: Any = None
        self.directory = directory
        self.jinja_env = jinja2.Environment(autoescape=True, enable_async=True, undefined=jinja2.StrictUndefined)

    def add_template_filter(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.jinja_env.filters[name or function.__name__] = function

    def add_template_global(self, value: Any, name: str | None = None) -> None:
        self.jinja_env.globals[name or value.__name__] = value

    def render(self, template: str, **names: Any) -> str:
        """Return what a template says."""

        async def rendered() -> str:
            return await self.jinja_env.from_string(template).render_async({"utc_time": NOW, **names})

        return asyncio.run(rendered())


def built(extension: Extension, config: dict[str, Any] | None = None, directory: Path | None = None) -> FakeBuilder:
    """Return a builder that has an extension."""
    builder = FakeBuilder(directory)
    extension(builder, config or {})
    return builder
