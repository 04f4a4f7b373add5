"""The command line: reads options, says errors in one line, and hands over. Serving is left to `maxbot.server`.

Nothing slow is imported here: `maxbot run` first takes over the signals, so that a Ctrl-C while it starts is heard.
"""

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and exit with its code: 0, 1 (bot or machine), 2 (usage).

    Args:
        arguments: Without the program's name; None takes those of the process.
    """
    _open_standard_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:
        from maxbot.server.supervisor.signals import install_early

        install_early()
    from maxbot.cli.commands import execute

    sys.exit(execute(given))


def _open_standard_streams() -> None:
    """Give descriptors 0 to 2 something where somebody closed them (`2>&-`): a socket must not become the log.

    Without stderr, the log goes to stdout.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for number in closed:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if number == 2 and 1 not in closed:
            os.dup2(1, 2)
        os.set_inheritable(number, True)
    if 2 in closed:
        sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115 - lives as long as the process


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
