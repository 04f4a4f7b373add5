"""Whole bots, what users say to them and what is answered: as recorded from the language's first implementation."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import MaxBotError, RpcError
from maxbot.types import Dialog

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_bot(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text())
    bot = load(case, tmp_path)
    for number, conversation in enumerate(case["conversations"]):
        dialog = Dialog("conformance", f"u{number}")
        for turn_number, turn in enumerate(conversation["turns"]):
            expected = turn.get("commands", "error")
            said = answer(bot, turn, dialog, turn.get("utc_time") or conversation.get("utc_time"))
            assert said == expected, f"{conversation['name']}, turn {turn_number}: {turn}"


def load(case: dict[str, Any], folder: Path) -> MaxBot:
    if "bot_yaml" in case:
        return MaxBot.inline(case["bot_yaml"])
    for path, text in case["files"].items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return MaxBot.from_directory(folder)


def answer(bot: MaxBot, turn: dict[str, Any], dialog: Dialog, time: str | None) -> Any:
    utc_time = as_utc(time) if time else None
    try:
        if "rpc" in turn:
            return bot.process_rpc(turn["rpc"], dialog, utc_time=utc_time)
        return bot.process_message(turn["message"], dialog, utc_time=utc_time)
    except RpcError as error:
        return "error" if turn.get("error") == f"rpc {error.code}" else error
    except MaxBotError as error:
        return "error" if "error" in turn else error


def as_utc(time: str) -> datetime:
    read = datetime.fromisoformat(time)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
