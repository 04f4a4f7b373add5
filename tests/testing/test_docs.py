"""docs/reference/testing.md names all that there is to test with, and nothing else; its example runs."""

import re
from pathlib import Path
from typing import Any

import pytest

import maxbot
from maxbot.testing import Conversation
from maxbot.testing.channels import ApiStandIn, ChannelContract, MemoryMailbox
from maxbot.testing.locks import UserLocksContract

PAGE = (Path(maxbot.__file__).parent.parent / "docs" / "reference" / "testing.md").read_text()


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(
    ("heading", "subject"),
    [
        ("Conversation", Conversation),
        ("channels.ChannelContract", ChannelContract),
        ("channels.ApiStandIn", ApiStandIn),
        ("channels.MemoryMailbox", MemoryMailbox),
        ("locks.UserLocksContract", UserLocksContract),
    ],
)
def test_every_name_is_told(heading: str, subject: type[Any]) -> None:
    names = {name for name in vars(subject) if not name.startswith(("_", "test_"))}
    told = set(re.findall(r"`(\w+)(?:\(|`)", section(heading)))
    assert names
    assert names - told == set()


def test_the_example_runs() -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "testing.md", "exec"), names)
    names["test_it_greets"]()
