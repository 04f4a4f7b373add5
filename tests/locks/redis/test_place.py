import importlib.util

import pytest

from maxbot.errors import StartError, UsageError
from maxbot.locks.custom import check_user_locks
from maxbot.locks.redis.place import check_option, is_redis, read_place


def test_a_url_is_taken_apart() -> None:
    place = read_place("rediss://bot:p%40ss@redis.example:6380/3?prefix=shop&ssl_ca_certs=/etc/ca.pem")
    assert place.url == "rediss://bot:p%40ss@redis.example:6380/3?ssl_ca_certs=%2Fetc%2Fca.pem"
    assert place.shown == "rediss://bot@redis.example:6380/3"
    assert place.password is not None
    assert place.prefix == "shop"


def test_what_is_no_url_is_a_factory() -> None:
    assert is_redis("redis://host")
    assert not is_redis("redis:make")
    assert not is_redis("mylocks:make")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://host/bot", "a database that is no number"),
        ("redis://host:99999999", "cannot be read"),
        ("redis://host:port", "cannot be read"),
        ("redis://[::1", "cannot be read"),
        ("redis://:s3cret@/x@host", "%2F %3F %23 %40 and %3A"),
        ("redis://host?ssl_ca_certs=a", "no option ssl_ca_certs"),
        ("rediss://host?db=3", "no option db"),
        ("redis://host?prefix", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_without_a_password(url: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_user_locks(url)
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_missing_library_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"pip install 'maxbot\[redis\]'"):
        check_user_locks("redis://host")


def test_a_password_does_not_belong_on_a_command_line() -> None:
    check_option("redis://user@host")
    check_option("mylocks:make")
    with pytest.raises(UsageError, match="MAXBOT_USER_LOCKS") as caught:
        check_option("redis://:s3cret@host")
    assert "s3cret" not in str(caught.value)
