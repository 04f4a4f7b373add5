"""The tutorial is followed step by step: each block of it is written, run, and does what the page says."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

import maxbot
from maxbot import MaxBot
from maxbot.testing import Conversation
from tests.support.processes import Server, eventually, free_port
from tests.support.telegram import TelegramStandIn
from tests.test_readme import ask, commands

ROOT = Path(maxbot.__file__).parent.parent
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
STEPS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
TALKS = [step.partition("\n")[0] for step in STEPS if "| You | Bot |" in step]


def blocks(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def write(block: str, folder: Path) -> None:
    """Do with a block of YAML what its first line says."""
    place, _, text = block.partition("\n")
    bot = folder / "bot.yaml"
    if place.startswith("# instead of the channels"):
        bot.write_text(bot.read_text().replace("channels:\n  web: {}\n", text))
    elif place.startswith("# "):
        (folder / place[2:]).write_text(block)
    else:
        nodes = bot.read_text()
        last = nodes.rindex("\n  - condition:") + 1
        after = {"  # above the last node": nodes[last:], "  # instead of the last node": ""}[place]
        bot.write_text(nodes[:last] + text + after)


def follow(folder: Path, until: str = "") -> None:
    """Write what the page says, up to the end of a step."""
    for step in STEPS:
        for block in blocks("yaml", step):
            write(block, folder)
        if step.startswith(f"{until}\n"):
            return
    assert not until


def talk(step: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what is said and answered in the table of a step."""
    (text,) = (text for text in STEPS if text.startswith(f"{step}\n"))
    for said, answered in re.findall(r"^\| (.*) \| (.*) \|$", text.partition("| You | Bot |\n")[2], re.MULTILINE):
        yield said, answered.split(" · ")


def run(command: str, folder: Path) -> str:
    """Run a command of the page and return what it says."""
    given = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(
        given, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout.rstrip()


@contextmanager
def served(command: str, folder: Path, port: int) -> Iterator[Server]:
    """Run a server as the page says, in the bot's folder."""
    given = [sys.executable, "-m", *shlex.split(command), *(["--port", str(port)] if port else [])]
    server = Server(
        ["sh", "-c", f'cd {folder} && exec "$@"', "sh", *given],
        port,
        folder / "log",
        environment={"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def serving(page: str) -> str:
    """Return the command of the page that runs the bot as its step says."""
    (text,) = (text for text in STEPS if text.startswith(f"{page}\n"))
    (found,) = [block.strip() for block in blocks("sh", text) if block.startswith("maxbot run")]
    return found


@pytest.mark.parametrize("step", TALKS)
def test_the_bot_answers_as_the_tables_show(step: str, tmp_path: Path) -> None:
    follow(tmp_path, step)
    user = Conversation(MaxBot.from_directory(tmp_path), utc_time=datetime(2026, 5, 4, 9, 30))
    rows = list(talk(step))
    assert rows
    for said, answered in rows:
        user.says(said).expects(*answered)


def test_the_page_talks_at_each_step_of_the_bot() -> None:
    assert len(TALKS) == 5
    assert sum(len(blocks("yaml", step)) for step in STEPS) == len(blocks("yaml")) == 10


def test_the_stories_and_the_check_say_what_the_page_shows(tmp_path: Path) -> None:
    follow(tmp_path, "Write down what must not change")
    bot = tmp_path / "bot.yaml"
    sound = bot.read_text()
    (_, stories), (_, misspelt), (_, mended) = [next(iter(commands(text).items())) for text in blocks("console")]
    assert run("maxbot stories", tmp_path) == stories
    bot.write_text(sound.replace("intents.opening", "intents.opning"))
    assert run("maxbot check", tmp_path) == misspelt
    bot.write_text(sound)
    assert run("maxbot check", tmp_path) == mended


@pytest.mark.faults
def test_a_dead_worker_loses_no_conversation(tmp_path: Path) -> None:
    follow(tmp_path, "Ask until all is known")
    port = free_port()
    post = 'curl localhost:8080/web -H \'Content-Type: application/json\' -d \'{"user_id": "me", "text": "%s"}\''

    def replies(text: str) -> bool:
        return text in ask("curl 'localhost:8080/web/replies?user_id=me&after=0&wait=0'", port)

    with served(serving("Let it run with workers"), tmp_path, port) as server:
        server.wait_ready()
        ask(post % "tea", port)
        eventually(partial(replies, "black or green?"))
        server.workers()[0].kill()
        eventually(lambda: "ended by SIGKILL" in server.log)
        ask(post % "green", port)
        eventually(partial(replies, "A pot of green tea is on its way."))


@pytest.mark.faults
def test_the_bot_polls_telegram(tmp_path: Path) -> None:
    """Given the last bot of the page and its .env, when a user writes to it in Telegram, it answers."""
    follow(tmp_path)
    (env,) = [block for block in blocks("sh") if block.startswith("TELEGRAM_TOKEN=")]
    (tmp_path / ".env").write_text(env)
    bot = tmp_path / "bot.yaml"
    with TelegramStandIn() as telegram:
        # The only change to the page's bot: where Telegram is.
        pointed = bot.read_text().replace("telegram: {", f"telegram: {{api_url: {telegram.url}, ")
        bot.write_text(pointed)
        with served(serving("In Telegram"), tmp_path, 0):
            person = {"id": 7, "first_name": "Ada"}
            message = {
                "message_id": 1,
                "date": 1,
                "text": "/start",
                "from": person,
                "chat": {**person, "type": "private"},
            }
            telegram.control(updates=[{"update_id": 1, "message": message}])
            eventually(lambda: [call.text for call in telegram.history() if call.text])
            assert [call.text for call in telegram.history() if call.text] == ["Welcome to the Copper Kettle!"]
