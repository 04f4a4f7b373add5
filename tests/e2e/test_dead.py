"""`maxbot dead` beside a running server: what was set aside is tried again, and nobody need restart anything."""

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.cli.test_main import run
from tests.support.processes import PATIENCE, Server, eventually, free_port

pytestmark = pytest.mark.faults

BOT = """
import os
from pathlib import Path

from maxbot import MaxBot
from maxbot.channels.web import WebChannel

bot = MaxBot(channels=[WebChannel()])


@bot.handler
async def answer(turn):
    if turn.message["text"] == "first" and Path(os.environ["OUT_OF_ORDER"]).exists():
        raise RuntimeError("the shop is closed")
    turn.say("You said: " + turn.message["text"])
"""


class Visitor:
    """Somebody who has opened the page."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/web"
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open
        self._open(self._url, timeout=PATIENCE).close()

    def say(self, text: str) -> None:
        body = json.dumps({"tab": "1", "text": text}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with self._open(request, timeout=PATIENCE) as answer:
            assert json.load(answer)["accepted"]

    @property
    def sees(self) -> list[str]:
        with self._open(f"{self._url}/replies?tab=1&after=0&wait=0", timeout=PATIENCE) as answer:
            return [reply.get("text", reply.get("notice")) for reply in json.load(answer)["replies"]]


def test_what_was_set_aside_is_tried_again_beside_a_running_server(tmp_path: Path) -> None:
    """The bot is a file in Python, its environment a file beside it, and the page says why nothing came."""
    (tmp_path / "mybot.py").write_text(BOT)
    (tmp_path / ".env").write_text(f"OUT_OF_ORDER={tmp_path}/out-of-order\n")
    (tmp_path / "out-of-order").touch()
    database, port = f"sqlite:///{tmp_path}/bot.db", free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", f"{tmp_path}/mybot.py", "--workers", "2"]
    with Server(
        [*command, "--port", str(port), "--database", database], port, tmp_path / "log", expect_tracebacks=True
    ) as server:
        ada = Visitor(port)
        ada.say("first")
        eventually(lambda: ada.sees)
        (notice,) = ada.sees
        assert notice.startswith("The bot failed: ")
        assert "the shop is closed" in notice
        ada.say("second")
        eventually(lambda: ada.sees[1:] == ["You said: second"])
        (tmp_path / "out-of-order").unlink()
        retried = run("dead", "retry", "--all", "--database", database)
        assert "is tried again" in retried.stdout, retried.stderr
        eventually(lambda: ada.sees[2:] == ["You said: first"])
        assert run("dead", "list", "--database", database).stdout == "There are no dead letters\n"
        assert len(server.workers()) == 2
