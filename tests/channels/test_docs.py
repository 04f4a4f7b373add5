"""The documentation of channels is true: its example passes the contract, and its tables name the options there are."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maxbot.channels.registry import TYPES, channel_class

ROOT = Path(__file__).parents[2]

ANSWERS = """

def test_its_bot_answers():
    from acme import bot
    from maxbot.testing import Conversation

    Conversation(bot).says("hello").expects("You said: hello")
"""


def test_the_example_of_an_own_channel_passes_the_contract(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", (ROOT / "docs/howto/write-a-channel.md").read_text(), re.S)
    assert [name for name, _ in blocks] == ["acme.py", "test_acme.py"]
    for name, source in blocks:
        (tmp_path / name).write_text(source)
    with (tmp_path / "test_acme.py").open("a") as file:
        file.write(ANSWERS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_acme.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("type_", TYPES)
def test_the_reference_names_every_option(type_: str) -> None:
    channel: Any = channel_class(type_)
    text = (ROOT / "docs/reference/channels.md").read_text()
    section = text.partition(f"\n## {channel.name}\n")[2].partition("\n## ")[0]
    table = section.partition("| option |")[2].partition("\n\n")[0]
    documented = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert sorted(documented) == sorted(field.name for field in msgspec.structs.fields(channel.Options))
