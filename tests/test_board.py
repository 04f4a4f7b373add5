"""What a dead worker leaves to be read, and what all workers see of suspects."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable

import pytest

from maxbot.board import Board, SuspectList, Suspicion


def dying(code: str) -> Board:
    """Run code in another process that shares a board, until it dies; return the board."""
    board = Board.new()
    head = f"import asyncio, os, threading\nfrom maxbot.board import Board\nboard = Board({board.descriptor})\n"
    subprocess.run([sys.executable, "-c", head + code], pass_fds=[board.descriptor], check=False, timeout=60)
    return board


WAITS = """
async def waits(seconds):
    await asyncio.sleep(seconds)
async def dies():
    await asyncio.sleep(0.1)
    os._exit(1)
"""


def test_a_turn_that_ends_its_process_is_read_as_the_one_on_the_loop() -> None:
    code = f"""{WAITS}
async def main():
    await asyncio.gather(board.watch(7, waits(9)), board.watch(8, dies()), board.watch(9, waits(0)))
asyncio.run(main())
"""
    found = dying(code).read()
    assert found.on_the_loop == 8
    assert found.suspects == [8]
    assert sorted(found.turns) == [7, 8], "what ended before is not under way"


def test_where_a_thread_ends_the_process_all_turns_under_way_are_suspects() -> None:
    code = f"""{WAITS}
async def main():
    threading.Timer(0.2, os._exit, [1]).start()
    await asyncio.gather(*(board.watch(number, waits(9)) for number in range(1, 4)))
asyncio.run(main())
"""
    found = dying(code).read()
    assert found.on_the_loop is None
    assert sorted(found.suspects) == [1, 2, 3]


async def returns() -> int:
    await asyncio.sleep(0)
    return 5


async def raises() -> int:
    await asyncio.sleep(0)
    raise ValueError("no")


async def catches() -> int:
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return 5


@pytest.mark.parametrize("turn", [returns, raises, catches])
def test_a_watched_turn_does_what_it_does_unwatched(turn: Callable[[], Awaitable[int]]) -> None:
    board = Board.new()

    async def outcome(run: Callable[[], Awaitable[int]]) -> object:
        task = asyncio.ensure_future(run())
        await asyncio.sleep(0.01)
        task.cancel()
        try:
            return await task
        except (ValueError, asyncio.CancelledError) as error:
            return repr(error)

    async def main() -> None:
        assert await outcome(turn) == await outcome(lambda: board.watch(3, turn()))

    asyncio.run(main())
    assert board.read().turns == []
    assert board.read().on_the_loop is None


def test_what_is_put_into_the_list_is_seen_by_others_until_it_is_removed() -> None:
    ours = SuspectList.new()
    theirs = SuspectList(os.dup(ours.descriptor))
    assert theirs.find(5) is None
    ours.put(5)
    ours.put(6)
    assert (theirs.find(5), theirs.find(6), theirs.find(7)) == (Suspicion.SUSPECTED, Suspicion.SUSPECTED, None)
    ours.put(5, Suspicion.GUILTY)
    ours.remove(6)
    ours.remove(7)
    assert (theirs.find(5), theirs.find(6)) == (Suspicion.GUILTY, None)


def test_it_needs_no_directory_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without a writable place starts all the same."""

    def nowhere() -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    board = Board.new()
    assert board.read().turns == []
    board.close()
