"""The journal of the real command."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.server.clients import lines, say, serve
from tests.support.processes import eventually

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("workers", [2, 0])
def test_each_turn_of_every_worker_is_a_record(tmp_path: Path, workers: int) -> None:
    journal = tmp_path / "journal"
    with serve(tmp_path, "--journal-file", str(journal), workers=workers) as server:
        for number in range(20):
            assert say(server.port, f"user{number}", f"hello {number}") == 200
        eventually(lambda: len(lines(journal)) == 20)
    records = [json.loads(line) for line in lines(journal)]
    assert {record["message"]["text"] for record in records} == {f"hello {number}" for number in range(20)}
    assert all(record["response"] for record in records)
    assert {record["dialog"]["channel_name"] for record in records} == {"probe"}


def test_a_journal_that_cannot_be_written_ends_the_start(tmp_path: Path) -> None:
    server = serve(tmp_path, "--journal-file", str(tmp_path / "no" / "journal"))
    done = subprocess.run(
        server._command, env=server._environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--journal-file: cannot write" in done.stderr
