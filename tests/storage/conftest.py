"""One suite for all databases: a further one adds its place here, and nothing to the tests."""

from pathlib import Path

import pytest

from tests.storage.support import MySQLPlace, Place, PostgreSQLPlace, PyMySQLPlace, SQLitePlace


@pytest.fixture(params=[SQLitePlace, PostgreSQLPlace, MySQLPlace, PyMySQLPlace])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    made: Place = request.param(tmp_path)
    return made
