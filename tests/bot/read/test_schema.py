"""The JSON Schemas that editors are given fit what is read."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from maxbot.bot.read.schema import bot_schema, stories_schema

CASES = Path(__file__).parents[2] / "conformance" / "cases"
LOAD_ERRORS = json.loads(Path(__file__).with_name("load_errors.json").read_text())
STORIES = json.loads(Path(__file__).with_name("stories_cases.json").read_text())

BOTS = [
    (case["name"], case.get("bot_yaml") or case["files"]["bot.yaml"])
    for case in (json.loads(path.read_text()) for path in sorted(CASES.glob("*.json")))
]

# What a schema cannot say, or YAML itself.
BEYOND = (
    "syntax",
    "something behind",
    "test in",
    "filter",
    "open block",
    "statement",
    "twice",
    "two rest",
    "that does not exist",
    "without a label",
    "regular",
    "wrong flag",
    "empty document",
    "empty condition",
    "time zone",
    "tag",
    "unknown extension",
    "older manuals",
    "merge key",
    "unclosed",
    "indentation",
    "a tab",
    "two documents",
    "alias",
    "different branches",
    "environment variable",
)


class Loader(yaml.SafeLoader):
    """Reads what an editor reads."""


Loader.add_constructor("!ENV", lambda loader, node: node.value)


def is_valid(schema: dict[str, Any], text: str) -> bool:
    # JSON has no dates; editors take them for texts.
    value = json.loads(json.dumps(yaml.load(text, Loader), default=str))
    return bool(jsonschema.Draft7Validator(schema).is_valid(value))


def test_they_are_schemas_of_draft_7() -> None:
    for schema in (bot_schema(), stories_schema()):
        jsonschema.Draft7Validator.check_schema(schema)
        assert "!ENV" in schema["description"]


@pytest.mark.parametrize(("name", "text"), BOTS, ids=[name for name, _ in BOTS])
def test_a_sound_bot_fits(name: str, text: str) -> None:
    if name == "resources-yaml-forms-stationery":
        pytest.skip("has forms that editors read otherwise")
    assert is_valid(bot_schema(), text)


WRONG = [case for case in LOAD_ERRORS if "bot_yaml" in case and not any(word in case["what"] for word in BEYOND)]


@pytest.mark.parametrize("case", WRONG, ids=[case["what"] for case in WRONG])
def test_a_wrong_bot_does_not_fit(case: dict[str, Any]) -> None:
    assert not is_valid(bot_schema(), case["bot_yaml"])


def test_stories_fit() -> None:
    for file in STORIES["files"]:
        if "results" in file:
            assert is_valid(stories_schema(), file["stories_yaml"]), file["name"]
    assert not is_valid(stories_schema(), "- {name: a, turns: [{message: x}]}\n")
