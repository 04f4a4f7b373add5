"""Templates in files of the bot's directory: `{% include 'menu.j2' %}`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound

from maxbot.extensions.builder import Builder

SIZE_LIMIT = 1024 * 1024
"""Bytes of a file."""


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Let templates find files, relative to the bot's directory or the current one."""
    builder.jinja_env.loader = DirectoryLoader(builder.directory or Path.cwd())


class DirectoryLoader(BaseLoader):
    """Finds files below a directory, and nothing else, also where a name comes from a user.

    Args:
        directory: Links out of it are not followed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return text and path of a file, and whether it is still the same.

        Raises:
            TemplateNotFound: There is none of this name below the directory, or it is no text in UTF-8.
        """
        path = self._path(template)
        changed = _changed(path)
        text = _read(path)
        if text is None:
            raise TemplateNotFound(template, f"{template!r} is no text in UTF-8 of at most {SIZE_LIMIT} bytes")
        return text, str(path), lambda: _changed(path) == changed

    def _path(self, template: str) -> Path:
        try:
            path = (self._directory / template).resolve()
            inside = path.is_relative_to(self._directory) and path.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, a null character, a circle of links
            inside = False
        if not inside:
            raise TemplateNotFound(template, f"there is no file {template!r} in the bot's directory")
        return path


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
        return content.decode("utf-8-sig") if len(content) <= SIZE_LIMIT else None
    except (OSError, UnicodeDecodeError):
        return None


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
