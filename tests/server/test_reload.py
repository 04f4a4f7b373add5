"""`--reload`: a change of the bot's file replaces the workers; a mistake in it keeps the old ones."""

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.support import TOKEN, update_of
from tests.server.clients import fetch
from tests.support.processes import Server, eventually, free_port
from tests.support.telegram import TelegramStandIn

GOOD = """
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.server.bots.probe import ProbeChannel
from maxbot import MaxBot

class Versioned(ProbeChannel):
    def routes(self):
        async def version(request):
            return PlainTextResponse("VERSION")
        return [Route("/probe/version", version)]

bot = MaxBot(channels=[Versioned()])

@bot.handler
async def answer(turn):
    turn.say("VERSION")
"""


@pytest.mark.faults
def test_a_change_replaces_the_workers_and_a_mistake_does_not(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(GOOD.replace("VERSION", "one"))
    port = free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", "shop:bot", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--reload", "--database", f"sqlite:///{tmp_path}/bot.db"]
    # The module is found on the Python path; each version is compiled anew, even within one second.
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    with Server(command, port, tmp_path / "log", environment=environment) as server:

        def versions() -> set[str | None]:
            return {fetch(port, "/probe/version") for _ in range(20)}

        eventually(lambda: len(server.workers()) == 2 and versions() == {"one"})
        # As most editors save: a new file takes the place of the old one.
        (tmp_path / "new").write_text(GOOD.replace("VERSION", "two"))
        os.replace(tmp_path / "new", file)
        eventually(lambda: versions() == {"two"})
        eventually(lambda: len(server.workers()) == 2)  # the old ones are gone
        before = {worker.pid for worker in server.workers()}

        file.write_text("def broken(:\n")
        eventually(lambda: server.log.count("is not replaced") == 2)
        assert server.log.count("SyntaxError") == 1
        assert versions() == {"two"}
        assert {worker.pid for worker in server.workers()} == before

        # A change of something else is none of the bot's.
        (tmp_path / "notes.txt").write_text("nothing")
        file.write_text(GOOD.replace("VERSION", "three"))
        eventually(lambda: versions() == {"three"})
        assert "notes.txt" not in server.log


@pytest.mark.faults
def test_a_mistake_keeps_a_bot_that_polls(tmp_path: Path) -> None:
    """Given a bot that is polled, when a mistake comes into its file, the old one goes on; mended, the new one answers,
    and at no time two of them fetch."""
    file = tmp_path / "bot.yaml"
    with TelegramStandIn() as telegram:

        def write(answer: str, word: str = "response") -> None:
            options = f"{{api_token: '{TOKEN}', api_url: '{telegram.url}'}}"
            file.write_text(f"channels: {{telegram: {options}}}\ndialog:\n- condition: true\n  {word}: {answer}\n")

        def answers(number: int, expected: str) -> bool:
            telegram.control(updates=[update_of(number, 1, f"message {number}") | {"update_id": number}])
            telegram.wait(lambda stats: stats.delivered == number)
            return [call.text for call in telegram.history() if call.chat][-1] == expected

        write("one")
        command = [sys.executable, "-m", "maxbot", "run", "--bot", str(file), "--updater", "polling", "--reload"]
        server = Server([*command, "--database", f"sqlite:///{tmp_path}/bot.db"], 0, tmp_path / "log")
        server.start()
        try:
            eventually(lambda: "The bot polls" in server.log)
            assert answers(1, "one")
            write("two", "respnse")
            eventually(lambda: "is not replaced" in server.log)
            assert "The workers are replaced" not in server.log
            assert answers(2, "one")
            write("three")
            eventually(lambda: "The workers are replaced" in server.log)
            assert answers(3, "three")
            assert "another program takes" not in server.log
            assert server.stop() == 0
            server.assert_gone()
        finally:
            server._end()
