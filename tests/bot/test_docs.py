"""The code of the page about Python runs as it stands there."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs" / "reference" / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_code_of_the_page_runs(number: int) -> None:
    source = BLOCKS[number] if number == 0 else "from maxbot import MaxBot\n" + BLOCKS[number]
    code = compile(source, "docs/reference/python.md", "exec", dont_inherit=True)
    exec(code, {"__name__": "docs"})


def test_the_builder_has_what_the_page_names() -> None:
    from maxbot.bot.builder import Builder

    table = PAGE[PAGE.index("## The builder") : PAGE.index("## Hooks")]
    named = set(re.findall(r"^\| `@?(\w+)", table, re.M)) | set(re.findall(r"`@(\w+)\(", table))
    assert len(named) > 12
    assert all(hasattr(Builder(), name) for name in named), named
