"""A bot whose handler does what handlers should not, as its users say; what it does not know it answers.

Environment, besides that of the probe bot:
    STRANGE_CLOCK   a file with seconds by which this process's wall clock is wrong, as long as it is there
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maxbot import MaxBot
from maxbot.bot.handler import Turn
from tests.server.bots.probe import ProbeChannel

bot = MaxBot(channels=[ProbeChannel()])


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


def _raise(error: BaseException) -> None:
    raise error


def _recurse(turn: Turn) -> None:
    _recurse(turn)


def _many_tasks(turn: Turn, count: int) -> None:
    turn.state["tasks"] = count
    _tasks.extend(asyncio.get_running_loop().create_task(asyncio.sleep(0.5)) for _ in range(count))


def _say_often(turn: Turn, count: int) -> None:
    for number in range(count):
        turn.say(str(number))


def _die_in_a_thread() -> None:
    threading.excepthook = lambda args: None
    threading.Thread(target=_raise, args=(SystemExit(3),)).start()


_tasks: list[Any] = []

DEEDS: dict[str, Callable[[Turn, int], object]] = {
    "leave": lambda turn, n: sys.exit(3),
    "generator": lambda turn, n: _raise(GeneratorExit()),
    "group": lambda turn, n: _raise(BaseExceptionGroup("two", [KeyboardInterrupt(), ValueError()])),
    "recursion": lambda turn, n: _recurse(turn),
    "unspeakable": lambda turn, n: _raise(Unspeakable()),
    "nan": lambda turn, n: turn.state.update(x=float("nan")),
    "surrogate": lambda turn, n: turn.say("\ud800"),
    "huge": lambda turn, n: turn.state.update(x=10**400),
    "set": lambda turn, n: turn.state.update(x={1, 2}),
    "large": lambda turn, n: turn.state.update(x="x" * n),
    "often": _say_often,
    "tasks": _many_tasks,
    "thread": lambda turn, n: _die_in_a_thread(),
    "stderr": lambda turn, n: os.close(2),
    "null": lambda turn, n: turn.say("a\0b"),
}


@bot.handler
async def answer(turn: Turn) -> None:
    deed, _, count = turn.message["text"].partition(" ")
    if deed in DEEDS:
        DEEDS[deed](turn, int(count or 0))
    turn.say(turn.message["text"])


def _wrong_clock(file: Path) -> None:
    right = time.time

    def wrong() -> float:
        try:
            return right() + float(file.read_text() or 0)
        except FileNotFoundError:
            return right()

    time.time = wrong


if clock := os.environ.get("STRANGE_CLOCK"):
    _wrong_clock(Path(clock))
