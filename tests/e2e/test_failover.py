"""The primary dies under load and its synchronous standby is promoted: nothing acknowledged is lost or reordered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import NASTY, NASTY_LOAD, counter, judge, plan, say, serve, wait_until_done
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.postgresql import PostgreSQLServer
from tests.support.processes import eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults


@pytest.fixture
def pair() -> Iterator[tuple[PostgreSQLServer, PostgreSQLServer]]:
    """A primary, and the standby that has all that the primary acknowledged."""
    primary = PostgreSQLServer()
    try:
        standby = PostgreSQLServer(standby_of=primary)
        try:
            primary.follow_synchronously()
            yield primary, standby
        finally:
            standby.stop()
    finally:
        primary.stop()


def test_a_failover_to_a_synchronous_standby_loses_and_reorders_nothing(
    tmp_path: Path, pair: tuple[PostgreSQLServer, PostgreSQLServer]
) -> None:
    primary, standby = pair
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://maxbot@{hosts}/{primary.new_database()}?target_session_attrs=read-write"
    with (
        TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, workers=2, database=url) as server,
    ):
        options = NASTY_LOAD | {"chats": 40, "messages": 400, "rate": 150, "seed": 1}
        with LoadProcess(plan(server, **options)) as load:
            eventually(lambda: telegram.stats().delivered > 300)
            primary.kill()
            standby.promote()
            delivered = telegram.stats().delivered
            eventually(lambda: telegram.stats().delivered > delivered + 300)
            load.stop()
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], Bot(counter=True), allowed_repeats=20, allowed_early=20)
        assert record.failures, "no delivery failed: the primary was not missed"
        say(f"a failover; {counter(tmp_path, 'uncertain')} uncertain, failed deliveries: {record.failures}")
