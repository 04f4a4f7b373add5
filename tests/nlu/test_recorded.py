"""Bots that do nothing but recognise: their recorded conversations, with a renderer of ten lines."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from maxbot.dialog.definitions import EntityDefinition
from maxbot.errors import TurnError
from maxbot.nlu.recogniser import Recogniser
from tests.nlu.support import entity, intent, value

CASES = sorted(Path(__file__, "../recorded").resolve().glob("*.json"))
ENVIRONMENT = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)


def recogniser_of(bot: dict[str, Any]) -> Recogniser:
    intents = [intent(one["name"], *one["examples"]) for one in bot.get("intents", [])]
    return Recogniser(intents, [entity_of(one) for one in bot.get("entities", [])])


def entity_of(written: dict[str, Any]) -> EntityDefinition:
    values = [
        value(one["name"], *one.get("phrases", ()), regexps=tuple(one.get("regexps", ())))
        for one in written.get("values", [])
    ]
    return entity(written["name"], *values)


def answer(bot: dict[str, Any], recogniser: Recogniser, message: dict[str, Any], now: datetime) -> str | None:
    intents, entities = recogniser.recognise(message, now)
    names = {"intents": intents, "entities": entities, "message": message}
    for node in bot["dialog"]:
        condition = ENVIRONMENT.compile_expression(node["condition"], undefined_to_none=False)
        if condition(**names):
            return " ".join(ENVIRONMENT.from_string(node["response"]).render(**names).split())
    return None


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_recorded_bot_answers_as_it_did(file: Path) -> None:
    case = json.loads(file.read_text())
    bot = yaml.load(case["bot_yaml"], yaml.BaseLoader)
    recogniser = recogniser_of(bot)
    for conversation in case["conversations"]:
        for turn in conversation["turns"]:
            time = turn.get("utc_time", conversation.get("utc_time"))
            now = datetime.fromisoformat(time) if time else datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
            if "error" in turn:
                with pytest.raises(TurnError):
                    answer(bot, recogniser, turn["message"], now)
                continue
            expected = " ".join(" ".join(command["text"] for command in turn["commands"]).split())
            assert answer(bot, recogniser, turn["message"], now) == expected, turn["message"]
