"""Recorded mistakes in bots, and where their errors point."""

import json
from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import load_bot
from maxbot.errors import BotError
from tests.bot.support import stub_channels

CASES = json.loads(Path(__file__).with_name("load_errors.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_a_mistake_is_said_with_its_place(case: dict[str, Any], tmp_path: Path) -> None:
    for name, text in case.get("files", {"bot.yaml": case.get("bot_yaml")}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with stub_channels(), pytest.raises(BotError) as caught:
        load_bot(str(tmp_path))
    error = caught.value
    assert error.file is not None
    if "file" in case:
        assert error.file == str(tmp_path / case["file"])
    for word in case["mentions"]:
        assert word in error.message
    if "line" in case:
        assert error.line == case["line"]
        lines = Path(error.file).read_text().splitlines()
        expected = dict(enumerate(lines, 1)).get(case["line"])
        assert error.source == expected or str(error.source).endswith(": ***")
    if "column" in case:
        assert error.column == case["column"]
