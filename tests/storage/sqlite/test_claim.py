"""A database file is one supervisor's, by whatever name it is called; and it is not made a second time in a run."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from maxbot.errors import StartError
from maxbot.storage.prepare import prepare
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.claim import claim
from tests.storage.sqlite.support import somebody_else
from tests.storage.support import prepared


def test_a_link_is_no_other_database(tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "bot.db")
    with somebody_else(tmp_path / "bot.db", "claims"), pytest.raises(StartError, match="Another maxbot run"):
        claim(link, 0.1)
    claim(link, 5.0).release()
    prepared(link)
    assert list(link.parent.iterdir()) == [link], "the queue of writers is beside the file itself"


def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    prepared(tmp_path / "bot.db")
    os.link(tmp_path / "bot.db", tmp_path / "again.db")
    for name in ("bot.db", "again.db"):
        with pytest.raises(StartError, match="second name"):
            claim(tmp_path / name, 0.1)


def test_a_shared_database_is_claimed_by_nobody(tmp_path: Path) -> None:
    with somebody_else(tmp_path / "bot.db", "claims"):
        claim(tmp_path / "bot.db", 0.0, shared=True).release()


def test_a_new_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        claim(tmp_path / "claimed.db", 0.0).release()
        prepared(tmp_path / "prepared.db")
    finally:
        os.umask(previous)
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_file_of_a_run_is_not_made_again(tmp_path: Path) -> None:
    """A worker that was replaced once made an empty one, and messages were acknowledged into it."""
    path = tmp_path / "bot.db"
    claimed = claim(path, 0.0)
    try:
        prepare(SQLite(path, file=claimed.file))
        path.unlink()
        with pytest.raises(StartError, match="removed or replaced"):
            prepare(SQLite(path, file=claimed.file))
        assert not path.exists()
        path.touch()
        with pytest.raises(StartError, match="removed or replaced"):
            prepare(SQLite(path, file=claimed.file))
        assert path.read_bytes() == b""
    finally:
        claimed.release()


def test_one_of_several_leads_until_it_is_gone(tmp_path: Path) -> None:
    backend = prepared(tmp_path / "bot.db")
    with somebody_else(tmp_path / "bot.db", "leads"):
        assert not backend.leads()
        connection = sqlite3.connect(tmp_path / "bot.db")
        connection.execute("DELETE FROM inbox")
        connection.commit()
        connection.close()
        backend.begin()
        backend.commit()
    assert backend.leads()
    backend.close()
