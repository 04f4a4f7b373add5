"""A worker is killed while it writes a reply that grows at Slack: it ends as one message, whatever was under way."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.support import say
from tests.e2e.test_vk import until
from tests.support.faults import Script
from tests.support.processes import Server, free_port
from tests.support.slack import SECRET, TOKEN, SlackStandIn, event, signed

pytestmark = pytest.mark.faults

BOT = """
import asyncio, os

from maxbot import MaxBot
from maxbot.channels.slack import SlackChannel

bot = MaxBot([
    SlackChannel(
        signing_secret=os.environ["E2E_SECRET"],
        bot_token=os.environ["E2E_TOKEN"],
        api_url=os.environ["E2E_API_URL"] + "/api",
        timeout=10,
        rate=1000,
        workspace_rate=1000,
    )
])


@bot.handler
async def handle(turn):
    async with turn.stream() as reply:
        for number in range(1, 9):
            await reply.write(f"{number} ")
            await asyncio.sleep(0.5)
"""

WHOLE = "1 2 3 4 5 6 7 8"

POINTS: dict[str, tuple[list[str], Callable[[list[str]], bool]]] = {
    "the first part is at Slack, and its name is not known": (["stall"], lambda texts: bool(texts)),
    "the first part is there": ([], lambda texts: bool(texts)),
    "it has grown": ([], lambda texts: any(len(text) > 5 for text in texts)),
    "it has grown, and that is not known": (["ok", "stall"], lambda texts: any(len(text) > 5 for text in texts)),
    "the whole is there, and that is not known": (
        ["ok", "ok", "ok", "stall", "stall"],
        lambda texts: any(text.strip() == WHOLE for text in texts),
    ),
}


def test_a_reply_that_grows_is_one_message_although_its_worker_is_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with SlackStandIn() as slack, aiohttp.ClientSession() as client:
            slack.today = int(time.time())
            server, port = _server(tmp_path, slack)
            await asyncio.to_thread(server.start)
            try:
                await asyncio.to_thread(server.wait_ready)
                for number, (answers, reached) in enumerate(POINTS.values()):
                    user = f"D{number}"
                    slack.judge.add(Script(answers, chat=user))
                    await _write(client, port, user, number)
                    await until(lambda user=user, reached=reached: reached(_texts(slack, user)))
                    for worker in await asyncio.to_thread(server.workers):
                        worker.kill()
                    await until(lambda user=user: WHOLE in [text.strip() for text in _texts(slack, user)])
            finally:
                await asyncio.to_thread(server.stop)
            found = {point: _texts(slack, f"D{number}") for number, point in enumerate(POINTS)}
            assert {point: [text.strip() for text in texts] for point, texts in found.items()} == {
                point: [WHOLE] for point in POINTS
            }
            say(f"{len(POINTS)} kills while a reply grew at Slack, one message each")

    asyncio.run(scenario())


def _server(folder: Path, slack: SlackStandIn) -> tuple[Server, int]:
    (folder / "bot.py").write_text(BOT)
    port = free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", str(folder / "bot.py"), "--port", str(port)]
    environment = {"E2E_SECRET": SECRET, "E2E_TOKEN": TOKEN, "E2E_API_URL": slack.url}
    command += ["--updater", "webhooks", "--workers", "1", "--database", f"sqlite:///{folder}/bot.db"]
    return Server(command, port, folder / "log", environment=environment), port


def _texts(slack: SlackStandIn, user: str) -> list[str]:
    return [message["text"] for message in slack.seen if message["channel"] == user]


async def _write(client: aiohttp.ClientSession, port: int, user: str, number: int) -> None:
    said = {"type": "message", "channel": user, "channel_type": "im", "user": "U1", "text": "hi", "ts": f"1.{number}"}
    body = event(said, f"Ev{number}")
    async with client.post(
        f"http://127.0.0.1:{port}/slack", data=body, headers=signed(body, int(time.time()))
    ) as answer:
        assert answer.status == 200
