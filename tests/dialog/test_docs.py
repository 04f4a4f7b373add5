"""The bots of docs/reference/dialog.md answer as the page says."""

import re
from pathlib import Path

import pytest

import maxbot
from maxbot import MaxBot
from maxbot.testing import Conversation

PAGE = (Path(maxbot.__file__).parent.parent / "docs" / "reference" / "dialog.md").read_text()
LUNCH, JAM, SWARM = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_conversation_of_the_page() -> None:
    user = Conversation(MaxBot.inline(LUNCH))
    rows = re.findall(r"^\| (.*) \| (.*) \|$", PAGE.partition("| User | Bot |\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert len(rows) == 4
    for said, answered in rows:
        user.says(said).expects(*answered.split(" · "))


@pytest.mark.parametrize(
    "talk",
    [
        [
            ("jam", ["How many jars?"]),
            ("many", ["A number, please."]),
            ("120", ["We cook 99 at most.", "How many jars?"]),
            ("40", ["Which fruit?"]),
            ("plum", ["40 jars."]),
        ],
        [("jam", ["How many jars?"]), ("60", ["60 jars."])],
        [("jam", ["How many jars?"]), ("stop", ["no jars."])],
    ],
)
def test_the_slots_of_the_page(talk: list[tuple[str, list[str]]]) -> None:
    user = Conversation(MaxBot.inline(f"dialog:\n{JAM}"))
    for said, answered in talk:
        user.says(said).expects(*answered)


def test_the_request_of_the_page() -> None:
    Conversation(MaxBot.inline(SWARM)).calls("swarm", hive=3).expects("Hive 3 is empty.")
