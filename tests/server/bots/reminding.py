"""The probe bot with timers: `set N` sets five, one a second, each of which says `ring N.number` when it is due.

Environment, beside that of the probe bot:
    PROBE_CLOCK     file with the seconds by which the clock on the wall is wrong
"""

import os
import time
from pathlib import Path

from maxbot import MaxBot
from maxbot.bot.handler import Turn
from maxbot.types import Command, Dialog
from tests.server.bots.probe import ProbeChannel, _write

TIMERS = 5

_right = time.time


def _wrong() -> float:
    try:
        return _right() + float(Path(os.environ["PROBE_CLOCK"]).read_text())
    except (OSError, ValueError):  # nobody has set it, or is about to
        return _right()


if "PROBE_CLOCK" in os.environ:
    time.time = _wrong


class KeyedChannel(ProbeChannel):
    """Writes the key of a reply too, which is the same when it is sent again."""

    name = "probe"

    async def send(self, command: Command, dialog: Dialog) -> None:
        _write("PROBE_SENT", f"{dialog.user} {command.key} {command.content['text']}")


bot = MaxBot([KeyedChannel()])


@bot.handler
async def handle(turn: Turn) -> None:
    """Set timers."""
    name = turn.message["text"].removeprefix("set ")
    for number in range(TIMERS):
        turn.later(number, "ring", {"text": f"ring {name}.{number}"})
    turn.say(f"set {name}")


@bot.rpc("ring", http=False)
async def ring(turn: Turn) -> None:
    """Say which one it was."""
    turn.say(turn.params["text"])
