"""VK recognises what is sent twice: through lost answers and kills of everything, each reply arrives once."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import database_in, say, wait_until_done
from tests.support import FULL
from tests.support.processes import Server
from tests.support.vk import GROUP, TOKEN, VkStandIn

pytestmark = pytest.mark.faults

BOT = """
channels:
  vk:
    access_token: {token}
    api_url: {url}
    rate: 1000
dialog:
  - condition: message.text
    response: "{{{{ message.text }}}}"
"""

USERS = 20


def said(number: int) -> dict[str, Any]:
    """Return an event: user 1 to 20 in turn, each text once."""
    user = 1 + number % USERS
    message: dict[str, Any] = {
        "id": number + 1,
        "from_id": user,
        "peer_id": user,
        "conversation_message_id": 1 + number // USERS,
    }
    message |= {"out": 0, "text": f"{user}/{1 + number // USERS}"}
    return {"type": "message_new", "group_id": GROUP, "event_id": f"e{number}", "object": {"message": message}}


def test_no_reply_arrives_twice_although_answers_are_lost_and_everything_is_killed(tmp_path: Path) -> None:
    """4 kills while 400 messages come in, 3 % of answers lost; full: 50 kills, 5,000 messages."""
    kills = 50 if FULL else 4

    async def scenario() -> None:
        async with VkStandIn(p_lost=0.03, p_500_after=0.01, p_5xx=0.02, seed=5, latency=(0.0, 0.01)) as vk:
            (tmp_path / "bot.yaml").write_text(BOT.format(token=TOKEN, url=vk.url))
            command = [sys.executable, "-m", "maxbot", "run", "--bot", str(tmp_path / "bot.yaml")]
            command += ["--updater", "polling", "--database", f"sqlite:///{database_in(tmp_path)}"]
            server = Server(command, 0, tmp_path / "log")
            server.start()
            try:
                await until(lambda: any(method == "poll" for method, _ in vk.calls))
                for kill in range(kills):
                    vk.happen(*(said(kill * 100 + number) for number in range(100)))
                    await until(lambda kill=kill: len(vk.seen) > kill * 100 + 30)
                    await asyncio.to_thread(server.kill_all)
                    server.start()
                await until(lambda: len(vk.seen) >= kills * 100)
                await asyncio.to_thread(wait_until_done, tmp_path)
                assert await asyncio.to_thread(server.stop) == 0
            finally:
                server._end()
            by_user: dict[str, list[str]] = {}
            for message in vk.seen:
                by_user.setdefault(message["peer_id"], []).append(message["message"])
            assert by_user == {
                str(user): [f"{user}/{number}" for number in range(1, 1 + kills * 5)] for user in range(1, 1 + USERS)
            }
            assert vk.repetitions > 0, "nothing was put to the test"
            say(f"{kills} kills, {len(vk.seen)} replies once each; VK knew {vk.repetitions} again")

    asyncio.run(scenario())


async def until(condition: Any, seconds: float = 120.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
