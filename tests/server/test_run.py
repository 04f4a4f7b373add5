"""What the machine does not allow is said in one message, with exit status 1 and without a traceback."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.clients import BOT, say, serve
from tests.support.processes import eventually

MODES = pytest.mark.parametrize("mode", ["--workers=2", "--single-process"])


def refused(database: str, mode: str, **limits: int) -> str:
    """Run the command on a database that cannot be used; return what it says."""

    def limit() -> None:
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))

    command = [sys.executable, "-m", "maxbot", "run", "--bot", BOT, "--port", "0", "--database", database, mode]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    # What only a worker finds out is in the log.
    said = [line for line in ended.stderr.splitlines() if line.startswith("maxbot: ") or " does not start: " in line]
    assert len(said) == 1, ended.stderr
    assert "does not answer now" not in ended.stderr, "that is no news"
    return said[0]


@MODES
def test_a_database_in_no_directory(tmp_path: Path, mode: str) -> None:
    assert f"The directory {tmp_path}/none does not exist" in refused(f"sqlite:///{tmp_path}/none/bot.db", mode)


@MODES
def test_a_database_that_is_none(tmp_path: Path, mode: str) -> None:
    (tmp_path / "bot.db").write_text("This is a letter, and quite a long one, as SQLite looks at the beginning." * 100)
    assert "not a database" in refused(f"sqlite:///{tmp_path}/bot.db", mode)


@MODES
def test_a_database_of_something_else(tmp_path: Path, mode: str) -> None:
    connection = sqlite3.connect(tmp_path / "bot.db")
    connection.execute("CREATE TABLE prices (name TEXT)")
    connection.close()
    assert "belongs to something else" in refused(f"sqlite:///{tmp_path}/bot.db", mode)


@MODES
def test_a_disk_that_is_full(tmp_path: Path, mode: str) -> None:
    """As the limit of a file's size, which meets the same writes."""
    assert f"The database {tmp_path}/bot.db cannot be used" in refused(
        f"sqlite:///{tmp_path}/bot.db", mode, RLIMIT_FSIZE=65536
    )


@pytest.mark.parametrize(
    ("mode", "files", "says"),
    [("--workers=8", 24, "8 workers cannot start"), ("--single-process", 8, "a single process cannot start")],
)
def test_too_few_open_files(tmp_path: Path, mode: str, files: int, says: str) -> None:
    said = refused(f"sqlite:///{tmp_path}/bot.db", mode, RLIMIT_NOFILE=files)
    assert f"allows {files} open files a process: {says}" in said


@MODES
def test_a_claim_that_cannot_be_made(tmp_path: Path, mode: str) -> None:
    """A file of another user's, or here: a directory in its place."""
    (tmp_path / "bot.db-owner").mkdir()
    assert f"The file {tmp_path}/bot.db-owner cannot be used" in refused(f"sqlite:///{tmp_path}/bot.db", mode)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A directory that cannot be written: for root, who may write everywhere else, a read-only file system."""
    place = tmp_path / "read-only"
    place.mkdir()
    if os.geteuid() != 0:
        place.chmod(0o500)
        yield place
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


@MODES
def test_a_database_that_cannot_be_written(read_only: Path, mode: str) -> None:
    assert f"The directory {read_only} cannot be written" in refused(f"sqlite:///{read_only}/bot.db", mode)


@MODES
def test_a_database_that_another_run_uses(tmp_path: Path, mode: str) -> None:
    with serve(tmp_path) as server:
        assert "Another maxbot run uses the database" in refused(f"sqlite:///{tmp_path}/bot.db", mode)
        assert say(server.port, "u", "hello") == 200
        eventually(lambda: (tmp_path / "sent").exists())
