"""The command line: reads options, says errors in one line, and hands over. Serving is left to `maxbot.server`.

Nothing slow is imported here: `maxbot run` first takes over the signals, so that a Ctrl-C while it starts is heard.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and exit with its code: 0, 1 (bot or machine), 2 (usage).

    Args:
        arguments: Without the program's name; None takes those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:
        from maxbot.server.supervisor.signals import install_early

        install_early()
    from maxbot.cli.commands import execute

    sys.exit(execute(given))
