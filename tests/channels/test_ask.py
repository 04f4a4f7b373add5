import asyncio

import pytest

from maxbot.channels.ask import Request, Timeout, ask, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_everybody_can_reach(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_of_this_machine_and_of_private_networks(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http:///x", "example.org", "http://[::1", ""])
def test_a_wrong_address_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        asyncio.run(ask(Request("GET", url, {}), Timeout(), public_only=True))
