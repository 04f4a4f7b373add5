from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from maxbot.locks import UserLocks
from maxbot.locks.redis.locks import RedisLocks
from maxbot.testing.locks import UserLocksContract
from tests.locks.redis.support import connected
from tests.support.redis import RedisServer


class TestRedisLocks(UserLocksContract):
    @pytest.fixture(autouse=True)
    def _server(self, shared: RedisServer) -> Iterator[None]:
        self.server = shared
        yield
        with shared.client() as client:
            assert client.keys("*") == [], "something is kept in Redis"

    @asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[Sequence[UserLocks]]:
        async with connected(self.server.url, count) as clients:
            yield clients

    def entries(self, clients: Sequence[UserLocks]) -> int | None:
        with self.server.client() as client:
            kept = client.dbsize()
        assert isinstance(kept, int)
        return kept + sum(len(client) for client in clients if isinstance(client, RedisLocks))


class TestRedisLocksOnUvloop(TestRedisLocks):
    def run(self, test: Coroutine[Any, Any, None]) -> None:
        uvloop.run(test)
