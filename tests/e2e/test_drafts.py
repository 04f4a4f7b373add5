"""What a turn shows before it ends is seen by whoever waits, at whichever worker: typing, and a text that grows."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from tests.support.processes import Server, free_port

BOT = """
import asyncio
from pathlib import Path

from maxbot import MaxBot
from maxbot.channels.web import WebChannel

bot = MaxBot([WebChannel()])


async def until(name):
    while not Path(__file__).with_name(name).exists():
        await asyncio.sleep(0.05)


@bot.handler
async def handle(turn):
    async with turn.typing():
        await until("seen-typing")
    async with turn.stream() as reply:
        await reply.write("Hel")
        while not Path(__file__).with_name("seen-draft").exists():
            await asyncio.sleep(0.3)
            await reply.write("l")
    turn.say("done")
"""

WATCHERS = 24
"""Event streams of one user, each on a connection of its own: some at each worker."""


def test_typing_and_drafts_are_seen_at_all_workers(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(BOT)
    port = free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", str(tmp_path / "bot.py"), "--port", str(port)]
    server = Server([*command, "--workers", "3"], port, tmp_path / "log")

    async def scenario() -> None:
        url = f"http://127.0.0.1:{port}/web"
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            AsyncExitStack() as stack,
            asyncio.timeout(60),
        ):
            asked = [client.get(f"{url}/events", params={"user_id": "ada"}) for _ in range(WATCHERS)]
            streams = [await stack.enter_async_context(one) for one in asked]
            for stream in streams:
                await stream.content.readuntil(b"\n\n")
            async with client.post(url, json={"user_id": "ada", "text": "hi"}) as answer:
                assert answer.status == 200
            for name, event in (("seen-typing", b"event: typing\n"), ("seen-draft", b"event: draft\n")):
                for stream in streams:
                    await heard(stream, event)
                (tmp_path / name).touch()
            for stream in streams:
                await heard(stream, b'"text":"done"')

    with server:
        asyncio.run(scenario())


async def heard(stream: aiohttp.ClientResponse, what: bytes) -> None:
    """Read until there is a line with this in it."""
    while what not in (line := await stream.content.readline()):
        assert line, "the stream has ended"
