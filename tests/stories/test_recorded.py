"""Files of stories as recorded: how they end, and where they are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import BotError
from maxbot.stories.read import load_stories
from maxbot.stories.run import run_story

RECORDED = json.loads((Path(__file__).parents[1] / "bot" / "read" / "stories_cases.json").read_text())
BOT = MaxBot.inline(RECORDED["bot_yaml"])


@pytest.mark.parametrize("case", RECORDED["files"], ids=lambda case: case["name"])
def test_recorded(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "stories.yaml"
    file.write_text(case["stories_yaml"])
    if "refused" in case:
        with pytest.raises(BotError) as caught:
            load_stories(file, BOT)
        assert {"line": caught.value.line, "column": caught.value.column} == case["refused"]
        return
    results = [run_story(BOT, story) for story in load_stories(file, BOT)]
    assert [result.story.name for result in results] == [expected["story"] for expected in case["results"]]
    for result, expected in zip(results, case["results"], strict=True):
        assert result.outcome == expected["outcome"], result.error
        if expected["outcome"] == "failed":
            assert result.index == expected["turn"]
        assert list(result.story.markers) == expected.get("markers", [])
