"""Finds the bot that `maxbot run` is told: a file, a directory or an object of a module."""

import importlib
import os
from pathlib import Path
from types import ModuleType, TracebackType

from maxbot import imports
from maxbot.bot.bot import MaxBot
from maxbot.bot.read.places import innermost_place, shown_path
from maxbot.errors import BotError

NAME = "bot"
"""What a bot is called where several are in one file and nobody says which."""

NO_BOT = (
    "there is no bot here. Make one: write into bot.yaml\n\n"
    "    channels:\n"
    "      web: {}\n"
    "    dialog:\n"
    "      - condition: true\n"
    '        response: "You said: {{ message.text }}"\n\n'
    "or name one that is somewhere else: maxbot run --bot path/to/bot.yaml"
)


def load_bot(spec: str) -> MaxBot:
    """Return the bot.

    Args:
        spec: Path of a YAML file, of a directory with a `bot.yaml` or of a Python file, or `module:name`, or a module
            that has a `bot`. A module is looked for in the current directory first; the name may have dots.

    Raises:
        BotError: There is no such bot, or it is wrong; has file and line where they are known.
    """
    path = Path(spec)
    if path.is_dir():
        return MaxBot.from_directory(path)
    file, colon, name = spec.rpartition(":")
    if path.suffix == ".py" and path.is_file():
        return _from_python(path, None)
    if colon and file.endswith(".py") and Path(file).is_file():
        return _from_python(Path(file), name)
    if colon and not path.exists() and "/" not in file:
        return _from_module(spec)
    if spec == "bot.yaml" and not path.exists():
        raise BotError(NO_BOT)
    if not path.exists() and _names_a_module(spec):
        return _from_whole_module(spec)
    # What belongs to a bot may stand beside its file.
    return MaxBot.from_directory(path.parent, bot_file=path.name) if path.is_file() else MaxBot.from_file(path)


def _from_module(spec: str) -> MaxBot:
    if not imports.is_reference(spec):
        raise BotError(f"{spec!r} is neither a file nor module:name")
    try:
        found = imports.look_up(spec)
    except imports.NotFound as error:
        raise _explain(error) from error
    return _ready(found.value, found.module, found.name, spec)


def _names_a_module(spec: str) -> bool:
    is_name = all(part.isidentifier() for part in spec.split("."))
    return is_name and Path(spec).suffix not in (".yaml", ".yml", ".py")


def _from_whole_module(name: str) -> MaxBot:
    """Return the bot of a module: the one that is called so, or the only one."""
    try:
        module = imports.import_module(name, os.getcwd())
    except imports.NotFound as error:
        if error.error is None:
            raise BotError(f"{name!r} is neither a file nor a directory nor a module") from error
        raise _explain(error) from error
    found = _only_bot(module)
    if not hasattr(module, found):
        raise BotError(f"there is no {found} in this module", file=_file(module))
    return _ready(getattr(module, found), module, found, f"{name}:{found}")


def _from_python(path: Path, name: str | None) -> MaxBot:
    """Return the bot of a Python file: the named one, or the only one."""
    file = str(path)
    if not path.stem.isidentifier():
        raise BotError(f"Python cannot import a file of this name: call it {_identifier(path.stem)}.py", file=file)
    try:
        module = imports.import_module(path.stem, str(path.parent.absolute()))
    except imports.NotFound as error:
        raise _explain(error) from error
    if module.__file__ is None or Path(module.__file__).resolve() != path.resolve():
        raise BotError(f"another module is called {path.stem!r} already: give this file another name", file=file)
    name = name or _only_bot(module)
    if not hasattr(module, name):
        raise BotError(f"there is no {name} in this file", file=_file(module))
    return _ready(getattr(module, name), module, name, f"{file}:{name}")


def _only_bot(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, MaxBot)]
    if NAME in names or not names:
        return NAME
    if len({id(getattr(module, name)) for name in names}) > 1:
        raise BotError(f"there are several bots: name one, like {module.__name__}:{names[0]}", file=_file(module))
    return names[0]


def _identifier(stem: str) -> str:
    plain = "".join(char if char.isalnum() else "_" for char in stem)
    return plain if plain.isidentifier() else f"bot_{plain}"


def _ready(found: object, module: ModuleType, name: str, spec: str) -> MaxBot:
    if not isinstance(found, MaxBot):
        raise BotError(f"{spec} is of type {type(found).__name__}, not a MaxBot", file=_file(module))
    if not found.answers:
        message = f"the bot {spec} has no handler: decorate an async function with @{name}.handler"
        raise BotError(message, file=_file(module))
    if module.__file__ is not None:
        found.files = [*found.files, Path(module.__file__)]
    return found


def _file(module: ModuleType) -> str | None:
    return shown_path(module.__file__) if module.__file__ else None


def _explain(error: imports.NotFound) -> BotError:
    """Say where in the bot's own code an import failed."""
    cause = error.error
    if cause is None:
        return BotError(str(error), file=_file(error.module) if error.module else None)
    if isinstance(cause, BotError):
        return cause
    if isinstance(cause, SyntaxError):
        return BotError(
            f"SyntaxError: {cause.msg}",
            file=shown_path(cause.filename) if cause.filename else None,
            line=cause.lineno,
            column=cause.offset,
            source=cause.text.rstrip("\n") if cause.text else None,
        )
    file = _first_file(cause.__traceback__)
    place = innermost_place(cause.__traceback__, file) if file else None
    if place is None:
        return BotError(str(error))
    text = f"{type(cause).__name__}: {cause}"
    return BotError(text, file=place.file, line=place.line, column=place.column, source=place.source)


def _first_file(traceback: TracebackType | None) -> str | None:
    """Return the file of the first module that an import ran: the bot's, or its package's."""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and file not in (imports.__file__, importlib.__file__):
            return file
        traceback = traceback.tb_next
    return None
