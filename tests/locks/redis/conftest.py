from collections.abc import Iterator

import pytest

from tests.support.redis import RedisServer


@pytest.fixture(scope="session")
def shared() -> Iterator[RedisServer]:
    """One that no test ends."""
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """One that the test may kill."""
    server = RedisServer()
    yield server
    server.go_on()
    server.stop()
