"""README's first five minutes, as it tells them."""

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import maxbot
from maxbot import MaxBot
from tests.support.processes import Server, eventually, free_port

README = (Path(maxbot.__file__).parent.parent / "README.md").read_text()


def block(language: str, beginning: str) -> str:
    """Return the block of the page that begins so."""
    for found in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL):
        if beginning in found:
            return str(found)
    raise AssertionError(f"no block of {language} with {beginning!r}")


def commands(text: str) -> dict[str, str]:
    """Return the commands of a console with what they answer."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return {command: answer.rstrip() for command, _, answer in (part.partition("\n") for part in parts)}


def serve(folder: Path, *options: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--port", str(port), *options]
    environment = {"PYTHONPATH": str(Path(maxbot.__file__).parent.parent), "TMPDIR": str(folder)}
    # In the bot's folder, as a user is.
    return Server(
        ["sh", "-c", f'cd {folder} && exec "$@"', "sh", *command], port, folder / "log", environment=environment
    )


def has(server: Server, text: str) -> bool:
    return text in server.log


def ask(command: str, port: int) -> str:
    """Run a curl of the page."""
    given = shlex.split(command.replace("8080", str(port)))
    return subprocess.run([*given, "-sS"], capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.faults
def test_the_first_bot_answers_as_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text(block("yaml", "# bot.yaml"))
    start, shown = next(iter(commands(block("console", "maxbot run")).items()))
    with serve(tmp_path, *shlex.split(start)[2:]) as server:
        for line in shown.splitlines():
            said = line.partition(": ")[2].replace("8080", str(server.port))
            said = said.partition("/tmp/")[0]  # the rest is of this run
            eventually(partial(has, server, said), 60)
        for command, answer in commands(block("console", "curl")).items():
            # The number of a reply is whatever it is.
            expected = re.sub(r"\b1\b", r"\\d+", re.escape(answer))
            assert re.fullmatch(expected, ask(command, server.port))


def test_the_channels_of_telegram_take_the_place_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "123:abc")
    bot, telegram = block("yaml", "# bot.yaml"), block("yaml", "  telegram:")
    loaded = MaxBot.inline(bot.replace("channels:\n  web: {}\n", telegram))
    assert list(loaded.channels.by_name) == ["telegram"]


@pytest.mark.faults
def test_the_bot_in_python_answers(tmp_path: Path) -> None:
    (tmp_path / "mybot.py").write_text(block("python", "# mybot.py"))
    send, fetch = commands(block("console", "curl"))
    with serve(tmp_path, "--bot", "mybot.py") as server:
        ask(send, server.port)
        assert "Message 1: hello" in ask(fetch, server.port)


def test_scripts_install_skips_what_is_there(tmp_path: Path) -> None:
    """Given all that is needed, when installed again without a network, nothing is asked of it, and nothing is said."""
    root = Path(maxbot.__file__).parent.parent
    copy = tmp_path / "copy"
    (copy / "scripts").mkdir(parents=True)
    (copy / "scripts" / "install").write_text((root / "scripts" / "install").read_text())
    (copy / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    python = copy / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    python.chmod(0o755)
    for _ in range(2):
        done = subprocess.run(
            ["sh", str(copy / "scripts" / "install"), "run"], capture_output=True, text=True, check=True
        )
    assert done.stderr == ""
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("-m pip install")
    assert call.endswith("--editable .")
    assert os.access(root / "scripts" / "try", os.X_OK)
