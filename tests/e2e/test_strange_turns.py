"""Whatever a handler does short of ending its process is done or set aside at once, and everybody else is served."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.bots.strange import DEEDS
from tests.server.clients import lines, say, serve
from tests.support import FULL
from tests.support.processes import eventually

pytestmark = pytest.mark.faults

STRANGE = "tests.server.bots.strange:bot"

COUNTS = (
    {"large": 50_000_000, "often": 10_000, "tasks": 100_000}
    if FULL
    else {"large": 2_000_000, "often": 500, "tasks": 5_000}
)

SET_ASIDE = {"leave", "generator", "group", "recursion", "unspeakable", "nan", "set"}
"""What is no turn. Of the others that are odd the storage says whether it can keep them."""


@pytest.mark.parametrize("workers", [2, 0])
def test_strange_turns_are_done_or_set_aside_and_the_next_one_runs(tmp_path: Path, workers: int) -> None:
    with serve(tmp_path, workers=workers, bot=STRANGE) as server:
        server._expect_tracebacks = True
        before = {process.pid for process in server.family()}
        for deed in DEEDS:
            assert say(server.port, deed, f"{deed} {COUNTS.get(deed, 0)}") == 200
            assert say(server.port, deed, "after") == 200
            assert say(server.port, "somebody", f"beside {deed}") == 200
        wanted = {f"{deed} after" for deed in DEEDS} | {f"somebody beside {deed}" for deed in DEEDS}
        eventually(lambda: wanted <= set(lines(tmp_path / "sent")))
        assert {process.pid for process in server.family()} == before, "nobody died"
    sent = lines(tmp_path / "sent")
    for deed in DEEDS:
        # In order, and each once: what was said of the deed itself comes before what was said after it.
        mine = [line for line in sent if line.startswith(f"{deed} ")]
        assert mine[-1] == f"{deed} after"
        assert mine.count(f"{deed} after") == 1
    assert sum(line.startswith("often ") for line in sent) == COUNTS["often"] + 2
    with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
        aside = {dialog.partition(":")[2] for (dialog,) in connection.execute("SELECT dialog FROM dead_letters")}
        assert aside >= SET_ASIDE
        assert aside <= SET_ASIDE | {"surrogate", "null", "huge"}
        assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
