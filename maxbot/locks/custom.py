"""User locks of a bot's author, named `module:factory`."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module

from maxbot.errors import UsageError
from maxbot.locks import UserLocks


def load_user_locks(spec: str) -> UserLocks:
    """Import `module`, call its `factory` without arguments, and return what it made. See `running`.

    Args:
        spec: `module:factory`; both may be dotted.

    Raises:
        UsageError: There is no such module or factory, or it failed, or what it made cannot be called.
    """
    module_name, _, path = spec.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *path.split(".")]):
        raise UsageError(f"user locks {spec!r}: expected module:factory, like mylocks:make_locks")
    try:
        factory = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise UsageError(f"user locks {spec!r}: {module_name} needs a module that is not there: {error}") from error
        raise UsageError(
            f"user locks {spec!r}: there is no module {error.name}; is its directory on the Python path?"
        ) from error
    except Exception as error:
        raise UsageError(f"user locks {spec!r}: importing {module_name} failed: {_say(error)}") from error
    for name in path.split("."):
        if not hasattr(factory, name):
            raise UsageError(f"user locks {spec!r}: {module_name} has no {path}")
        factory = getattr(factory, name)
    if not callable(factory):
        raise UsageError(f"user locks {spec!r}: {path} is {_kind(factory)}; expected a function that makes the locks")
    try:
        locks: object = factory()
    except Exception as error:
        raise UsageError(f"user locks {spec!r}: {path}() failed: {_say(error)}") from error
    if inspect.iscoroutine(locks):
        locks.close()
        raise UsageError(
            f"user locks {spec!r}: {path} is an async function; make the locks in a plain one and connect in `start`"
        )
    if not callable(locks):
        raise UsageError(
            f"user locks {spec!r}: {path}() made something {_kind(locks)}; "
            "expected something to call as in `async with locks(dialog)`"
        )
    return locks


def own_user_locks(spec: str | None, factory: Callable[[], UserLocks] | None) -> UserLocks | None:
    """Make the user locks that replace the built-in ones: those of the setting, else those of the bot, else None.

    Args:
        spec: `module:factory`, see `load_user_locks`.
        factory: The bot's own.

    Raises:
        UsageError: The setting names none.
    """
    if spec:
        return load_user_locks(spec)
    return None if factory is None else factory()


@asynccontextmanager
async def running(locks: UserLocks) -> AsyncIterator[UserLocks]:
    """Await `locks.start()`, where there is one, then the body, and at the end `locks.close()`, where there is one.

    `close` is awaited only where `start` succeeded.
    """
    if hasattr(locks, "start"):
        await locks.start()
    try:
        yield locks
    finally:
        if hasattr(locks, "close"):
            await locks.close()


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _kind(value: object) -> str:
    return f"of type {type(value).__name__}"
