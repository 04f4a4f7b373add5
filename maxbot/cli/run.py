"""`maxbot run`: options and environment become `Settings`, and the server is started with them."""

import os
from typing import Any

import click
from click.core import ParameterSource

from maxbot.errors import UsageError
from maxbot.settings import Option, Settings, options

LEAST_LEASE = 1.0
"""Seconds: a worker that is alive and busy must be able to say so in time."""

SHORT = {"verbose": "-v", "quiet": "-q"}

EPILOG = (
    "Every option is also an environment variable, like MAXBOT_PORT; a .env file in this directory and one beside the "
    "bot are read. For tuning there are variables only: {}."
)


def _parameter(option: Option) -> click.Option:
    declarations = [f"--{option.name}"]
    extra: dict[str, Any] = {"type": option.type, "metavar": option.metavar, "show_default": option.default is not None}
    if option.type is bool:
        # Only --reload is worth switching off: it may come from a .env.
        declarations = [f"--{option.name}/--no-{option.name}"] if option.name == "reload" else declarations
        extra = {"is_flag": True}
    elif option.name in SHORT:
        declarations.append(SHORT[option.name])
        extra = {"count": True}
    elif option.choices:
        extra |= {"type": click.Choice(option.choices)}
    return click.Option(declarations, default=option.default, envvar=option.env, help=option.help, **extra)


def _epilog() -> str:
    return EPILOG.format(", ".join(option.env for option in options() if option.env_only))


class _RunCommand(click.Command):
    """Its options are those of `Settings`."""

    def __init__(self, **kwargs: Any) -> None:
        params = [_parameter(option) for option in options() if not option.env_only]
        super().__init__(**{**kwargs, "params": params, "epilog": _epilog()})


@click.command(cls=_RunCommand)
@click.pass_context
def run(context: click.Context, /, **values: Any) -> int:
    """Run a bot: receive its users' messages and send its replies."""
    settings = Settings(**values, **_tuning())
    check(settings, _given(context))

    from maxbot.bot import load_bot

    bot = load_bot(settings.bot)

    from maxbot.server import serve

    return serve(settings, bot)


def _given(context: click.Context) -> dict[str, str]:
    """Return the options that somebody gave, by name, as an error shall call them."""
    given = {}
    for option in options():
        source = context.get_parameter_source(option.field)
        if option.type is bool and not context.params.get(option.field):
            continue
        if source is ParameterSource.COMMANDLINE:
            given[option.name] = f"--{option.name}"
        elif source is ParameterSource.ENVIRONMENT:
            given[option.name] = f"--{option.name} (from {option.env})"
    return given


def _tuning() -> dict[str, Any]:
    """Return what the environment says about the options that have no other place."""
    values = {}
    for option in options():
        text = os.environ.get(option.env, "")
        if not option.env_only or not text:
            continue
        if option.choices and text not in option.choices:
            raise UsageError(f"{option.env} is one of {', '.join(option.choices)}, not {text!r}")
        values[option.field] = _number(option, text) if option.type is float else text
    return values


def _number(option: Option, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{option.env} is a number of seconds, not {text!r}")
    return number


def check(settings: Settings, given: dict[str, str]) -> None:
    """Check what can be checked without the bot.

    Args:
        settings: What the user said, and defaults.
        given: The options that the user gave, by name, as an error shall call them.

    Raises:
        UsageError: A value cannot be used, or two options do not go together; the text names them.
    """
    _check_values(settings)
    _check_passwords(settings, given)
    if settings.updater == "polling":
        for option in options():
            if option.web_only and option.name in given:
                _conflict(given["updater"], given[option.name], "polling listens on no port and needs one process")
    if settings.fast and "workers" in given:
        _conflict(given["workers"], given["fast"], "--fast is as many workers as there are CPUs")
    if settings.single_process and settings.workers not in (None, 1):
        _conflict(given["workers"], given["single-process"], "a single process has one worker")
    if settings.single_process and settings.fast:
        _conflict(given["fast"], given["single-process"], "a single process has one worker")
    for asks in ("ngrok", "ngrok-url"):
        for said in ("host", "port", "public-url"):
            if asks in given and said in given:
                _conflict(given[said], given[asks], "ngrok says it")
    if settings.verbose and settings.quiet:
        _conflict(given["verbose"], given["quiet"], "say more or say less")


def _conflict(one: str, other: str, reason: str) -> None:
    raise UsageError(f"{one} and {other} do not go together: {reason}")


def _check_passwords(settings: Settings, given: dict[str, str]) -> None:
    from maxbot.locks.redis import place as redis
    from maxbot.storage import place as storage

    if settings.database is not None and given.get("database") == "--database":
        storage.check_option(settings.database)
    if settings.user_locks is not None and given.get("user-locks") == "--user-locks":
        redis.check_option(settings.user_locks)


def _check_values(settings: Settings) -> None:
    if settings.workers is not None and settings.workers < 1:
        raise UsageError(f"--workers is at least 1, not {settings.workers}")
    if settings.port is not None and not 0 <= settings.port <= 65535:
        raise UsageError(f"--port is a number from 0 (any free port) to 65535, not {settings.port}")
    if not 0 <= settings.shutdown_timeout < float("inf"):
        raise UsageError(f"--shutdown-timeout is a number of seconds from 0, not {settings.shutdown_timeout}")
    if not 0 <= settings.drain_delay < float("inf"):
        raise UsageError(f"--drain-delay is a number of seconds from 0, not {settings.drain_delay:g}")
    if not LEAST_LEASE <= settings.lease < float("inf"):
        raise UsageError(f"--lease is a number of seconds from {LEAST_LEASE:g}, not {settings.lease:g}")
    if settings.public_url is not None and not _is_web_address(settings.public_url):
        raise UsageError(f"--public-url is like https://bot.example.com, not {settings.public_url!r}")


def _is_web_address(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return False
