"""What an author sees who writes his first bot on his own machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, Server, eventually, free_port

pytestmark = pytest.mark.faults

DOUBTFUL = """
channels:
  web: {}
dialog:
  - condition: message.text
    response: "You said: {{ mesage.text }}"
"""

SAID = "bot.yaml:6:15: nobody defines the name 'mesage', did you mean 'message'?"


@pytest.mark.parametrize("how", [["--workers", "2"], ["--single-process"]])
def test_what_is_probably_not_meant_is_said_at_the_start_on_the_author_s_machine(
    tmp_path: Path, how: list[str]
) -> None:
    (tmp_path / "bot.yaml").write_text(DOUBTFUL)
    with serve(tmp_path, *how) as server:
        eventually(lambda: SAID in server.log)
    assert server.log.count("nobody defines") == 1, "by one worker"


def test_a_public_server_is_not_for_trying(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text(DOUBTFUL)
    with serve(tmp_path, "--public-url", "http://bot.example", "--allow-unverified") as server:
        pass
    assert "nobody defines" not in server.log


def serve(folder: Path, *options: str) -> Server:
    command = [sys.executable, "-m", "maxbot", "run", "--database", f"sqlite:///{folder}/bot.db", *options]
    port = free_port()
    return Server([*command, "--bot", f"{folder}/bot.yaml", "--port", str(port)], port, folder / "log")


def test_trying_it_works_without_a_network_once_it_is_installed(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    if not (root / ".venv").exists():
        pytest.skip("installed elsewhere")
    command = ["unshare", "--net", "sh", "-c", "ip link set lo up; exec scripts/try --port 0 --shutdown-timeout 1"]
    if subprocess.run([*command[:2], "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system allows no network of one's own")
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        eventually(lambda: "Talk to the bot at" in log.read_text())
        assert "An example bot" in log.read_text().splitlines()[0]
    finally:
        process.terminate()
        process.wait(PATIENCE)
