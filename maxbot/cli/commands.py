"""The commands together, and how their errors are said."""

import sys
from collections.abc import Sequence

import click

from maxbot import __version__
from maxbot.cli.check import check
from maxbot.cli.db import db
from maxbot.cli.dead import dead
from maxbot.cli.info import info
from maxbot.cli.run import run
from maxbot.cli.schema import schema
from maxbot.cli.stories import stories
from maxbot.env_files import read_env_files
from maxbot.errors import MaxBotError, UsageError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="maxbot %(version)s")
def commands() -> None:
    """A server for messenger bots."""


commands.add_command(run)
commands.add_command(check)
commands.add_command(schema)
commands.add_command(stories)
commands.add_command(dead)
commands.add_command(db)
commands.add_command(info)


def execute(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. An error is one message on stderr, without a traceback."""
    try:
        read_env_files(_bot_in(arguments))
        code = commands.main(list(arguments), prog_name="maxbot", standalone_mode=False)
    except click.UsageError as error:
        # Without a command there is no error but the help, which click hands over as one.
        command = error.ctx.command_path if error.ctx else "maxbot"
        text = error.format_message()
        _say(text if isinstance(error, click.exceptions.NoArgsIsHelpError) else f"{command}: {text}")
        return 2
    except click.Abort:
        return 130
    except MaxBotError as error:
        _say(f"maxbot: {error}")
        return 2 if isinstance(error, UsageError) else 1
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    from maxbot.logs import Redactor, flush

    flush()  # what led to it comes first
    # A line of the bot's file that is shown may hold its token.
    print(Redactor()(text), file=sys.stderr)


def _bot_in(arguments: Sequence[str]) -> str:
    """Return what `--bot` is: before the options are read, as their values may be in the file."""
    for index, argument in enumerate(arguments):
        if argument.startswith("--bot="):
            return argument.removeprefix("--bot=")
        if argument in ("--bot", "-B") and index + 1 < len(arguments):
            return arguments[index + 1]
    return ""
