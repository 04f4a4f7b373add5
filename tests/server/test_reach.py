import pytest

from maxbot.locks.host import UnixLocks
from maxbot.locks.memory import MemoryLocks
from maxbot.locks.redis.locks import RedisLocks
from maxbot.server.reach import warn_of_reach
from tests.server.plans import plan

SERVER = "postgresql://user@host/bot"


class Own(MemoryLocks):
    reach = "host"


def test_how_far_the_built_in_ones_reach() -> None:
    assert (MemoryLocks.reach, UnixLocks.reach, RedisLocks.reach) == ("process", "host", "anywhere")


@pytest.mark.parametrize(
    ("locks", "workers", "database", "says"),
    [
        (MemoryLocks(), 2, "sqlite:///bot.db", "reach one process, and there are 2 workers"),
        (MemoryLocks(), 1, "sqlite:///bot.db", ""),
        (MemoryLocks(), 2, SERVER, ""),  # a dialog is claimed there: tests/delivery/test_hosts.py
        (Own(), 2, SERVER, ""),
        (Own(), 2, "sqlite:///bot.db", ""),
        (RedisLocks("redis://localhost", 10.0), 2, SERVER, ""),
        (lambda dialog: None, 2, SERVER, ""),
    ],
)
def test_what_reaches_less_far_than_the_workers_is_said(
    locks: object, workers: int, database: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_reach(locks, plan(workers=workers, database=database))  # type: ignore[arg-type]
    assert says in caplog.text
    assert bool(says) == bool(caplog.text)
