"""Functions of an author's own: called, and their errors told with file and line."""

import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

from maxbot.bot.read.places import innermost_place, shown_path
from maxbot.errors import BotError, TurnError


async def call(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """Call a function or coroutine function and return its result.

    Raises:
        TurnError: It raised something; the text has file and line of the bot's own code.
    """
    try:
        result = function(*args, **keywords)
        return await result if inspect.isawaitable(result) else result
    except (Exception, SystemExit) as error:  # a bot must not stop the server; cancelling is the server's own
        if isinstance(error, TurnError) and error.mistake:  # a line of a template says more
            raise
        text = str(error) if isinstance(error, TurnError) else f"{type(error).__name__}: {error}"
        code = code_of(function)
        place = innermost_place(error.__traceback__, code.co_filename) if code else None
        raise TurnError(f"{place.file}:{place.line}: {text}" if place else text) from error


def code_of(function: Any) -> CodeType | None:
    """Return the code of a function, None for what has none."""
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    return code


def place_of(function: Any) -> dict[str, Any]:
    """Return file and line of a function, as a `BotError` takes them; nothing if it has none."""
    code = code_of(function)
    return {"file": shown_path(code.co_filename), "line": code.co_firstlineno} if code else {}


def keywords_of(function: Callable[..., Any], known: tuple[str, ...], what: str) -> frozenset[str]:
    """Return the parameters of a function, by which it says what it wants to be given.

    Args:
        function: Of the author.
        known: The names that it may ask for.
        what: Of the function, in errors: `a hook`.

    Raises:
        BotError: It asks for something else; has file and line.
    """
    wanted = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            wanted |= set(known)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            continue
        elif name in known and parameter.kind is not parameter.POSITIONAL_ONLY:
            wanted.add(name)
        elif parameter.default is parameter.empty:
            raise BotError(f"{what} is given {' and '.join(known)}, and no {name}", **place_of(function))
    return frozenset(wanted)
