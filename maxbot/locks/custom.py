"""User locks other than the built-in ones: on Redis, or a bot's author's own, named `module:factory`."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from maxbot import imports
from maxbot.errors import UsageError
from maxbot.locks import UserLocks
from maxbot.locks.redis.place import is_redis, read_place


def check_user_locks(spec: str) -> None:
    """See whether `--user-locks` names locks, without making them.

    Raises:
        UsageError: It does not; the text says what to do.
        StartError: Something is missing.
    """
    if is_redis(spec):
        read_place(spec)
    else:
        find_factory(spec)


def find_factory(spec: str) -> Callable[[], object]:
    """Import `module` and return its `factory`, without calling it.

    Args:
        spec: `module:factory`; both may be dotted.

    Raises:
        UsageError: There is no such module or factory.
    """
    if not imports.is_reference(spec):
        raise UsageError(f"--user-locks is module:factory, like mylocks:make_locks, or redis://host, not {spec!r}")
    try:
        found = imports.look_up(spec)
    except imports.NotFound as error:
        raise UsageError(f"user locks {spec!r}: {error}") from error.error
    factory = found.value
    if not callable(factory):
        raise UsageError(
            f"user locks {spec!r}: {found.name} is {_kind(factory)}; expected a function that makes the locks"
        )
    return cast(Callable[[], object], factory)


def load_user_locks(spec: str) -> UserLocks:
    """Find the factory, call it without arguments, and return what it made. See `running`.

    Args:
        spec: See `find_factory`.

    Raises:
        UsageError: There is no such factory, or it failed, or what it made cannot be called.
    """
    factory, path = find_factory(spec), spec.partition(":")[2]
    try:
        locks = factory()
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
    return cast(UserLocks, locks)


def own_user_locks(spec: str | None, factory: Callable[[], UserLocks] | None, lease: float) -> UserLocks | None:
    """Make the user locks that replace the built-in ones: those of the setting, else those of the bot, else None.

    Args:
        spec: `redis://…`, or `module:factory`, see `load_user_locks`.
        factory: The bot's own.
        lease: Of locks on Redis, seconds.

    Raises:
        UsageError: The setting names none.
    """
    if spec and is_redis(spec):
        from maxbot.locks.redis.locks import RedisLocks

        return RedisLocks(spec, lease)
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
