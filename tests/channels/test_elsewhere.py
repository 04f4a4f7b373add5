"""Calls to hosts that a platform names."""

import asyncio

import pytest

from maxbot.channels.elsewhere import MOST_HOSTS, Elsewhere
from maxbot.errors import RetryLater
from maxbot.testing.channels import ApiStandIn


def test_each_host_has_one_client_and_gets_the_rest_of_the_url() -> None:
    async def scenario() -> None:
        elsewhere = Elsewhere(1.0, 2)
        async with ApiStandIn() as api:
            for query in ("a=1", "b=%20"):
                client, path = await elsewhere.at(f"{api.url}/upload?{query}")
                await client.post_bytes(path, b"body", "image/png")
            assert api.requests == [("POST", "/upload?a=1", b"body"), ("POST", "/upload?b=%20", b"body")]
            assert api.connections == 1
            for number in range(MOST_HOSTS):
                await elsewhere.at(f"http://host-{number}.example")
            other, _ = await elsewhere.at(api.url)
            assert other is not client, "only a few hosts are remembered"
        await elsewhere.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/a",
        "file:///etc/passwd",
        "https://",
        "https://user:word@host/a",
        "https://host:99999/a",
        "https://[wrong/a",
        "https://host/a b",
        "https://host/a\r\nX: 1",
        "https://h\u00f6st/a",
    ],
)
def test_what_is_no_url_is_not_called(url: str) -> None:
    with pytest.raises(RetryLater, match="cannot be called"):
        asyncio.run(Elsewhere(1.0, 2).at(url))
