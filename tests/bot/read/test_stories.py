"""Files of stories, as recorded: which can be read, and where a mistake is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maxbot.bot.read.bot import read_inline
from maxbot.bot.read.stories import read_stories
from maxbot.dialog.source import Document
from maxbot.errors import BotError

RECORDED = json.loads(Path(__file__).with_name("stories_cases.json").read_text())
FILES = RECORDED["files"]
METHODS = read_inline(RECORDED["bot_yaml"], lambda extensions: None).rpc
REFUSED = [file for file in FILES if "refused" in file]
READ = [file for file in FILES if "results" in file]


@pytest.mark.parametrize("file", READ, ids=[file["name"] for file in READ])
def test_recorded_stories_are_read(file: dict[str, Any]) -> None:
    stories = read_stories(Document("stories.yaml", file["stories_yaml"]), METHODS)
    assert [story.name for story in stories] == [result["story"] for result in file["results"]]
    for story, result in zip(stories, file["results"], strict=True):
        assert list(story.markers) == result.get("markers", [])


@pytest.mark.parametrize("file", REFUSED, ids=[file["name"] for file in REFUSED])
def test_recorded_mistakes_have_their_place(file: dict[str, Any]) -> None:
    with pytest.raises(BotError) as caught:
        read_stories(Document("stories.yaml", file["stories_yaml"]), METHODS)
    expected = file["refused"]
    assert (caught.value.line, caught.value.column) == (expected.get("line"), expected.get("column"))


def test_a_turn_has_all_its_keys() -> None:
    (story,) = read_stories(
        Document(
            "stories.yaml",
            "- name: a\n  xfail: true\n  turns:\n"
            "    - {message: hello, response: '', utc_time: 2024-05-14 09:30}\n"
            "    - {rpc: {method: ring, params: {hive: 3}}, response: [a, b], utc_time: '2024-05-14T09:30:01+02:00'}\n"
            "    - {message: {image: {url: http://a.bc, size: 512}}, response: x}\n",
        )
    )
    first, second, third = story.turns
    assert (first.message, first.utc_time) == ({"text": "hello"}, datetime(2024, 5, 14, 9, 30, tzinfo=UTC))
    assert second.rpc == {"method": "ring", "params": {"hive": "3"}}
    assert second.utc_time == datetime(2024, 5, 14, 7, 30, 1, tzinfo=UTC)
    assert [response.text for response in second.response] == ["a", "b"]
    assert third.message == {"image": {"url": "http://a.bc", "size": 512}}
    assert story.xfail


def test_parameters_may_be_a_json_object() -> None:
    params = '{"parcel": 7, "tags": [true]}'
    (story,) = read_stories(
        Document("s", f"- {{name: x, turns: [{{rpc: {{method: m, params: '{params}'}}, response: x}}]}}")
    )
    assert story.turns[0].rpc == {"method": "m", "params": {"parcel": 7, "tags": [True]}}


@pytest.mark.parametrize("params", ["seven", "'[7]'", "'{\"parcel\"'", "[7]"])
def test_parameters_that_are_none_are_refused(params: str) -> None:
    with pytest.raises(BotError, match="JSON object"):
        read_stories(Document("s", f"- {{name: x, turns: [{{rpc: {{method: m, params: {params}}}, response: x}}]}}"))


def test_parameters_in_json_are_checked_as_well() -> None:
    params = '{"parcle": 7}'
    text = f"- {{name: x, turns: [{{rpc: {{method: delivered, params: '{params}'}}, response: x}}]}}"
    with pytest.raises(BotError) as caught:
        read_stories(Document("s", text), METHODS)
    assert "'parcel' is missing" in str(caught.value)
    assert "did you mean 'parcel'" in str(caught.value)
