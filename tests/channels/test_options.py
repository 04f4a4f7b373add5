"""Options that channels share are read as MaxBot 0.3 reads them."""

import pytest

from maxbot.channels.options import Limits, Timeouts, check_api_url, check_secrets, connections, secrets_of, whole_call


def test_a_timeout_is_a_number_or_its_parts() -> None:
    assert whole_call(3.0) == 3.0
    assert whole_call(Timeouts()) == 5.0
    assert whole_call(Timeouts(default=2.0, read=20.0)) == 20.0
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="timeout"):
            whole_call(wrong)


def test_limits_take_no_more_than_was_lent() -> None:
    assert connections(None, 7) == 7
    assert connections(Limits(max_connections=3), 7) == 3
    assert connections(Limits(), 7) == 7


def test_secrets_are_one_or_several_and_never_repeated() -> None:
    assert secrets_of(None) == ()
    assert secrets_of("a") == ("a",)
    assert secrets_of(["a", "b"]) == ("a", "b")
    check_secrets("app_secret", ["a", "b"])
    for wrong in ([], [""], ["good", "two words"], ["wröng"], ["wrong\n"]):
        with pytest.raises(ValueError, match="app_secret") as caught:
            check_secrets("app_secret", wrong)
        assert not any(secret and secret in str(caught.value) for secret in wrong)


@pytest.mark.parametrize("url", ["https://graph.facebook.com", "http://127.0.0.1:8080/path", "https://[::1]"])
def test_a_url_that_calls_can_begin_with(url: str) -> None:
    check_api_url(url)


@pytest.mark.parametrize(
    "url",
    ["ftp://a", "https://", "https://a:port", "https://a:99999", "https://[a", "https://u:p@a", "https://a?b=1",
     "https://a#", "https://a /b", "", "https://ä", "https://a\n"],
)  # fmt: skip
def test_a_url_that_they_cannot(url: str) -> None:
    with pytest.raises(ValueError, match="api_url"):
        check_api_url(url)
