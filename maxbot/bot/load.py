"""Finds the bot that `maxbot run` is told: a file, a directory or an object of a module."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from maxbot.bot.bot import MaxBot
from maxbot.bot.read.places import innermost_place, shown_path
from maxbot.errors import BotError


def load_bot(spec: str) -> MaxBot:
    """Return the bot.

    Args:
        spec: Path of a YAML file or of a directory with a `bot.yaml`, or `module:name`. The module is looked for in
            the current directory first; the name may have dots.

    Raises:
        BotError: There is no such bot, or it is wrong; has file and line where they are known.
    """
    path = Path(spec)
    if path.is_dir():
        return MaxBot.from_directory(path)
    module, colon, name = spec.partition(":")
    if colon and not path.exists() and os.sep not in module:
        return _from_module(module, name)
    return MaxBot.from_file(path)


def _from_module(module_name: str, attributes: str) -> MaxBot:
    spec = f"{module_name}:{attributes}"
    if not attributes or not all(part.isidentifier() for part in f"{module_name}.{attributes}".split(".")):
        raise BotError(f"{spec!r} is neither a file nor module:name")
    module = _import(module_name)
    found: Any = module
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            raise BotError(f"there is no {attributes} in module {module_name}", file=_file(module)) from None
    if not isinstance(found, MaxBot):
        raise BotError(f"{spec} is of type {type(found).__name__}, not a MaxBot", file=_file(module))
    if not found.answers:
        message = f"the bot {spec} has no handler: decorate an async function with @{attributes}.handler"
        raise BotError(message, file=_file(module))
    if module.__file__ is not None:
        found.files = [*found.files, Path(module.__file__)]
    return found


def _file(module: ModuleType) -> str | None:
    return shown_path(module.__file__) if module.__file__ else None


def _import(name: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except BotError:
        raise
    except SyntaxError as error:
        raise BotError(
            f"SyntaxError: {error.msg}",
            file=shown_path(error.filename) if error.filename else None,
            line=error.lineno,
            column=error.offset,
            source=error.text.rstrip("\n") if error.text else None,
        ) from error
    except (Exception, SystemExit) as error:
        file = _first_file(error.__traceback__)
        if file is None and isinstance(error, ModuleNotFoundError):
            message = f"there is no module {error.name!r} here or among the installed packages"
            raise BotError(message) from error
        text = f"{type(error).__name__}: {error}"
        place = innermost_place(error.__traceback__, file) if file else None
        if place is None:
            raise BotError(f"importing {name} failed: {text}") from error
        raise BotError(text, file=place.file, line=place.line, column=place.column, source=place.source) from error


def _first_file(traceback: TracebackType | None) -> str | None:
    """Return the file of the first module that an import ran: the bot's, or its package's."""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and file not in (__file__, importlib.__file__):
            return file
        traceback = traceback.tb_next
    return None
