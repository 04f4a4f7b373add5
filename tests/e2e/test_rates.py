"""Hosts keep an account's limit together: each worker takes its share of it, wherever the others are."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.support import say
from tests.e2e.test_vk import said, until
from tests.storage.support import PostgreSQLPlace
from tests.support.processes import Server, free_port
from tests.support.vk import TOKEN, VkStandIn

pytestmark = pytest.mark.faults

RATE, MESSAGES = 20, 150

BOT = """
channels:
  vk:
    access_token: {token}
    secret_key: sesame
    api_url: {url}
    rate: {rate}
dialog:
  - condition: message.text
    response: hello
"""


def test_two_hosts_together_send_as_many_messages_a_second_as_one(tmp_path: Path) -> None:
    """150 messages at once, on a limit of 20 a second: what two hosts with a limit each send within 3 seconds."""
    place = PostgreSQLPlace()
    place.prepared()

    async def scenario() -> None:
        async with VkStandIn() as vk, aiohttp.ClientSession() as client, AsyncExitStack() as stack:
            (tmp_path / "bot.yaml").write_text(BOT.format(token=TOKEN, url=vk.url, rate=RATE))
            ports = [await _host(stack, tmp_path, number, place.url) for number in range(2)]
            began = asyncio.get_running_loop().time()
            for number in range(MESSAGES):
                event = {**said(number), "secret": "sesame"}
                event["object"]["message"].update(peer_id=1 + number, from_id=1 + number)
                async with client.post(f"http://127.0.0.1:{ports[number % 2]}/vk", json=event) as response:
                    assert response.status == 200
            await until(lambda: len(vk.seen) >= MESSAGES)
            seconds = asyncio.get_running_loop().time() - began
            # A burst and the rate; and somewhat less, as the hosts may know each other a moment after the beginning.
            assert seconds > (MESSAGES - RATE) / RATE - 2.0
            say(f"{MESSAGES} messages of two hosts in {seconds:.1f} s, on a limit of {RATE} a second")

    asyncio.run(scenario())


async def _host(stack: AsyncExitStack, folder: Path, number: int, database: str) -> int:
    port = free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", str(folder / "bot.yaml"), "--port", str(port)]
    server = Server([*command, "--updater", "webhooks", "--database", database], port, folder / f"log{number}")
    await asyncio.to_thread(server.start)
    stack.push_async_callback(asyncio.to_thread, server.stop)
    await asyncio.to_thread(server.wait_ready)
    return port
