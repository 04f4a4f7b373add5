"""What Redis does in one step, request by request."""

from collections.abc import Callable

import pytest

from maxbot.locks.redis.scripts import LEAVE, TAKE
from tests.support.redis import RedisServer

KEYS = ["lock", "waiting"]


@pytest.fixture
def take(shared: RedisServer) -> Callable[[str], int]:
    with shared.client() as client:
        client.flushdb()
        script = client.register_script(TAKE.text)
        return lambda token: int(script(keys=KEYS, args=[token, 5000]))


@pytest.fixture
def leave(shared: RedisServer) -> Callable[[str], int]:
    with shared.client() as client:
        script = client.register_script(LEAVE.text)
        return lambda token: int(script(keys=KEYS, args=[token, "wake:"]))


def test_who_was_woken_and_leaves_without_the_lock_wakes_the_next_one(
    shared: RedisServer, take: Callable[[str], int], leave: Callable[[str], int]
) -> None:
    with shared.client() as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("wake:one", "wake:two")
        heard.get_message(timeout=60)
        heard.get_message(timeout=60)
        assert take("holder:1") == 0
        assert take("one:7") > 0
        assert take("two:8") > 0
        assert leave("holder:1") == 1
        assert heard.get_message(timeout=60)["data"] == b"7"
        assert leave("one:7") == 1  # cancelled in that moment
        assert heard.get_message(timeout=60)["data"] == b"8"
        assert take("two:8") == 0
        assert leave("two:8") == 0
        assert client.dbsize() == 0


def test_a_client_that_is_gone_is_passed_by(
    shared: RedisServer, take: Callable[[str], int], leave: Callable[[str], int]
) -> None:
    with shared.client() as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("wake:lives")
        heard.get_message(timeout=60)
        assert take("holder:1") == 0
        assert take("gone:2") > 0
        assert take("lives:3") > 0
        assert leave("holder:1") == 1
        assert heard.get_message(timeout=60)["data"] == b"3"
        assert leave("lives:3") == 0


def test_what_was_not_answered_may_be_asked_again(take: Callable[[str], int], leave: Callable[[str], int]) -> None:
    assert take("holder:1") == 0
    assert take("holder:1") == 0
    assert take("one:2") > 0
    assert take("one:2") > 0
    leave("one:2")
    leave("one:2")
    assert take("other:3") > 0, "who never held it freed it"
    leave("other:3")
    leave("holder:1")
    leave("holder:1")
    assert take("other:3") == 0
    leave("other:3")


def test_who_comes_after_the_end_of_a_lease_is_not_freed_by_the_one_before(
    shared: RedisServer, take: Callable[[str], int], leave: Callable[[str], int]
) -> None:
    assert take("late:1") == 0
    with shared.client() as client:
        client.delete("lock")  # its lease is over
    assert take("next:2") == 0
    leave("late:1")
    assert take("third:3") > 0
    leave("third:3")
    leave("next:2")
