"""Files of users, on every platform: fetched where the bot asks, within limits, and from nowhere else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from maxbot import CannotFetch, MaxBot, Media, Turn
from maxbot.bot.channels import BotChannels
from maxbot.channels import http
from maxbot.channels.base import Channel, Services
from maxbot.channels.facebook import FacebookChannel
from maxbot.channels.media import USUAL, Bounds, Owner, bounded, fetch
from maxbot.channels.slack import SlackChannel
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.viber import ViberChannel
from maxbot.channels.vk import VkChannel
from maxbot.channels.whatsapp import WhatsAppChannel
from maxbot.testing.channels import MemoryMailbox
from maxbot.types import Dialog
from tests.channels.support import eventually, whole_text
from tests.support import facebook, slack, viber, vk
from tests.support.files import PNG, TELEGRAM_TOKEN, FilesStandIn

META: Mapping[str, Any] = {"app_secret": facebook.SECRET, "access_token": facebook.TOKEN}

MAKE: Mapping[str, Callable[[str], Channel]] = {
    "telegram": lambda url: TelegramChannel(api_token=TELEGRAM_TOKEN, api_url=url),
    "facebook": lambda url: FacebookChannel(**META, api_url=url),
    "whatsapp": lambda url: WhatsAppChannel(**META, phone_number_id="1", api_url=url),
    "viber": lambda url: ViberChannel(api_token=viber.TOKEN, name="Bot", api_url=url),
    "vk": lambda url: VkChannel(access_token=vk.TOKEN, api_url=url),
    "slack": lambda url: SlackChannel(signing_secret=slack.SECRET, bot_token=slack.TOKEN, api_url=f"{url}/api"),
}
BY_URL = ("facebook", "viber", "vk")
"""The platforms whose updates have an address."""

every_platform = pytest.mark.parametrize("name", MAKE)
T = TypeVar("T")


def file(name: str, url: str, file: str = "F1") -> dict[str, Any]:
    """Return what stands in a message of a platform."""
    return {"url": f"{url}/files/{file}"} if name in BY_URL else {"file_id": file}


async def with_channel(name: str, url: str, step: Callable[[Channel], Awaitable[T]]) -> T:
    channel = MAKE[name](url)
    await channel.start(Services(MemoryMailbox()))
    try:
        return await step(channel)
    finally:
        await channel.close()


async def fetched(name: str, files: FilesStandIn, what: Mapping[str, Any], bounds: Bounds = USUAL) -> Media:
    return await with_channel(name, files.url, lambda channel: bounded(channel.fetch(what, bounds), bounds))


async def refused(name: str, files: FilesStandIn, what: Mapping[str, Any], bounds: Bounds = USUAL) -> str:
    with pytest.raises(CannotFetch) as caught:
        await fetched(name, files, what, bounds)
    for secret in MAKE[name](files.url).secrets:
        assert secret not in whole_text(caught.value)
    return caught.value.reason


@every_platform
def test_a_bot_gets_the_file_that_it_asks_for(name: str) -> None:
    bot, files = MaxBot(), FilesStandIn()
    got: list[Media] = []

    @bot.handler
    async def answer(turn: Turn) -> None:
        assert not files.asked, "nothing is fetched by itself"
        got.append(await turn.fetch(turn.message["image"]))
        turn.say(f"{got[0].mime_type} {len(got[0].body)}")

    async def run() -> None:
        async with files:

            async def turn(channel: Channel) -> None:
                bot.channels = BotChannels([channel])
                image = {**file(name, files.url), "name": "cat.jpg"}
                result = await bot.run_turn({"image": image}, Dialog(name, "1"), {})
                assert [command.content for command in result.commands] == [{"text": f"image/png {len(PNG)}"}]
                assert result.state == {}

            await with_channel(name, files.url, turn)
            assert len(files.asked) == 1

    asyncio.run(run())
    assert got == [Media(PNG, "cat.jpg")]


@every_platform
def test_an_unknown_file_is_said(name: str) -> None:
    async def run() -> str:
        async with FilesStandIn() as files:
            return await refused(name, files, file(name, files.url, "F2"))

    assert any(word in asyncio.run(run()) for word in ("invalid file_id", "does not exist", "file_not_found", "404"))


@every_platform
def test_what_is_no_file_of_the_platform_is_said(name: str) -> None:
    async def run() -> str:
        async with FilesStandIn() as files:
            return await refused(name, files, {"file_id": "F1"} if name in BY_URL else {"url": "https://a.example/"})

    assert "url" in asyncio.run(run()) or "file_id" in asyncio.run(run())


@every_platform
def test_a_file_that_never_ends_is_given_up(name: str) -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            reason = await refused(name, files, file(name, files.url, "endless"), Bounds(seconds=0.3))
            assert reason in ("it takes longer than 0.3 seconds", "No response in time")
            await eventually(lambda: files.cut == 1)

    asyncio.run(run())


@every_platform
def test_a_file_that_is_too_large_is_not_kept(name: str) -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            assert "large" in await refused(name, files, file(name, files.url, "big"), Bounds(size=1024))
            assert len((await fetched(name, files, file(name, files.url, "big"))).body) > 64 * 1024

    asyncio.run(run())


@every_platform
def test_a_platform_that_cannot_be_reached_is_said(name: str) -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            what = file(name, files.url)
        assert "No connection" in await refused(name, files, what)

    asyncio.run(run())


# Where nobody may be asked

NOT_PUBLIC = [
    *("127.0.0.1", "127.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("localhost", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
]


class Listener:
    """A port of this machine that nobody may connect to."""

    def __enter__(self) -> "Listener":
        self._sockets = [socket.create_server(("0.0.0.0", 0))]
        self.port = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            six = socket.socket(socket.AF_INET6)
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            six.bind(("::", self.port))
            six.listen()
            self._sockets.append(six)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()

    @property
    def connections(self) -> int:
        count = 0
        for one in self._sockets:
            one.setblocking(False)
            try:
                one.accept()[0].close()
                count += 1
            except BlockingIOError:
                pass
        return count


@pytest.mark.parametrize("name", BY_URL)
def test_nobody_is_connected_to_at_an_address_that_is_not_public(name: str) -> None:
    async def run() -> int:
        with Listener() as listener:
            async with FilesStandIn() as files:
                for address in NOT_PUBLIC:
                    for scheme in ("https", "http"):
                        await refused(name, files, {"url": f"{scheme}://{address}:{listener.port}/"}, Bounds(seconds=3))
                for url in ("file:///etc/passwd", "gopher://127.0.0.1/", "https://", "https://[::1", "", "https://a b"):
                    await refused(name, files, {"url": url})
            return listener.connections

    assert asyncio.run(run()) == 0


@pytest.mark.parametrize("name", [name for name in MAKE if name != "telegram"])
def test_no_redirect_leads_to_an_address_that_is_not_public(name: str) -> None:
    async def run() -> int:
        with Listener() as listener:
            async with FilesStandIn() as files:
                for address in NOT_PUBLIC:
                    files.elsewhere = f"https://{address}:{listener.port}/"
                    await refused(name, files, file(name, files.url, "away"), Bounds(seconds=3))
                files.elsewhere = f"{files.url}/files/F1"  # what the operator named is not for redirects
                await refused(name, files, file(name, files.url, "away"))
                assert all(path.endswith("/away") for path, _ in files.asked)
            return listener.connections

    assert asyncio.run(run()) == 0


def test_telegrams_files_are_not_redirected_as_their_address_has_the_token_in_it() -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            files.elsewhere = f"{files.url}/files/F1"
            assert "302" in await refused("telegram", files, {"file_id": "away"})
            assert len(files.asked) == 1

    asyncio.run(run())


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8"]])
def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[str] = []
    tried: list[str] = []

    async def run() -> str:
        loop = asyncio.get_running_loop()

        async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            resolved.append(host)
            # Whoever asks a second time is told something else.
            found = addresses if len(resolved) == 1 else ["127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

        async def start_connection(infos: list[Any], **_: Any) -> socket.socket:
            tried.extend(info[4][0] for info in infos)
            raise OSError(111, "refused")

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(http, "start_connection", start_connection)
        with pytest.raises(CannotFetch) as caught:
            await fetch("https://rebinds.example/a.png")
        return caught.value.reason

    asyncio.run(run())
    assert resolved == ["rebinds.example"]
    assert tried == ["8.8.8.8"]


# What is secret


@pytest.mark.parametrize("name", ["whatsapp", "slack"])
def test_the_token_is_shown_to_the_platform(name: str) -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            await fetched(name, files, file(name, files.url))
            [(_, shown)] = files.asked
            assert shown == f"Bearer {facebook.TOKEN if name == 'whatsapp' else slack.TOKEN}"

    asyncio.run(run())


@pytest.mark.parametrize("name", BY_URL)
def test_the_token_is_shown_to_nobody_whose_files_are_for_all(name: str) -> None:
    async def run() -> None:
        async with FilesStandIn() as files:
            await fetched(name, files, file(name, files.url))
            assert files.asked == [("/files/F1", "")]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://lookaside.fbsbx.com/a", True),
        ("https://fbsbx.com/a", True),
        ("https://api.example:8443/a", True),
        ("http://lookaside.fbsbx.com/a", False),
        ("https://fbsbx.com.example/a", False),
        ("https://evilfbsbx.com/a", False),
        ("https://api.example/a", False),
        ("http://api.example:8443/a", False),
        ("https://fbsbx.com@example.org/a", False),
    ],
)
def test_whom_a_token_may_be_shown_to(url: str, trusted: bool) -> None:
    assert Owner("https://api.example:8443/v1", ("fbsbx.com",)).trusts(urlsplit(url)) is trusted


def test_a_page_to_log_in_is_not_the_users_file() -> None:
    async def run() -> str:
        async with FilesStandIn() as files:
            return await refused("slack", files, {"file_id": "login"})

    assert "files:read" in asyncio.run(run())


def test_a_handler_that_catches_nothing_fails_with_its_line() -> None:
    bot = MaxBot()

    @bot.handler
    async def answer(turn: Turn) -> None:
        await turn.fetch(turn.message["image"])

    with pytest.raises(Exception, match=r"test_fetch\.py:\d+: .*no channel"):
        asyncio.run(bot.run_turn({"image": {"file_id": "F1"}}, Dialog("nowhere", "1"), {}))
    with pytest.raises(Exception, match="a file is what stands in a message"):
        asyncio.run(bot.run_turn({"image": {}}, Dialog("nowhere", "1"), {}))
