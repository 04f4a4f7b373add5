"""The options by which a command finds its database."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from maxbot.storage.backend import Backend

Command = Callable[..., None]


def _open(context: click.Context, url: str, password_file: str | None) -> "Backend":
    from maxbot.storage.place import check_option
    from maxbot.storage.prepare import open_backend

    if context.get_parameter_source("database") is ParameterSource.COMMANDLINE:
        check_option(url)
    return open_backend(url, "process", password_file=password_file)


def with_database(command: Command) -> Command:
    """Give a command its database, as `backend`."""

    @click.option(
        "--database",
        metavar="URL",
        envvar="MAXBOT_DATABASE",
        required=True,
        show_envvar=True,
        help="As of the server: sqlite:///bot.db, postgresql://user@host/bot, mysql://user@host/bot.",
    )
    @click.option(
        "--database-password-file",
        metavar="PATH",
        envvar="MAXBOT_DATABASE_PASSWORD_FILE",
        show_envvar=True,
        help="As of the server.",
    )
    @click.pass_context  # type: ignore[arg-type]  # `wraps` hides the context
    @wraps(command)
    def opened(context: click.Context, database: str, database_password_file: str | None, **given: Any) -> None:
        command(backend=_open(context, database, database_password_file), **given)

    return opened
