"""Commands of an author's own, as recorded: read, refused, and printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from maxbot.maxml import CommandSchema, Field, MarkupError, Reader, SchemaError, print_commands
from maxbot.maxml.schema import IMAGE, TEXT

RECORDED = json.loads(Path(__file__).with_name("custom_commands.json").read_text())


def field(name: str, description: dict[str, Any]) -> Field:
    return Field(
        name=name,
        type=description["type"],
        place=description.get("in"),
        many=description.get("many", False),
        required=description.get("required", False),
        one_of=tuple(description.get("one_of", ())),
        default=description.get("default"),
        fields=fields(description.get("fields", {})),
    )


def fields(descriptions: dict[str, Any]) -> tuple[Field, ...]:
    return tuple(field(name, description) for name, description in descriptions.items())


SCHEMAS = [TEXT, IMAGE, *(CommandSchema(name, fields(given)) for name, given in RECORDED["commands"].items())]
READER = Reader(lambda: SCHEMAS)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["document"][:40])
def test_recorded(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(MarkupError if case["error"] == "markup" else SchemaError):
            READER.read(case["document"])
        return
    commands = READER.read(case["document"])
    assert commands == case["commands"]
    printed = print_commands(commands, SCHEMAS)
    assert printed == case["printed"]
    assert READER.read(printed) == commands
