"""What the page about stories and tests shows is so."""

from pathlib import Path

import maxbot
from maxbot.bot import MaxBot
from maxbot.bot.read.stories import read_stories
from maxbot.dialog.source import Document
from maxbot.stories.report import explain
from maxbot.stories.run import Outcome, run_story

PAGE = (Path(maxbot.__file__).parent.parent / "docs" / "reference" / "stories.md").read_text()
BOT = MaxBot.inline("""
dialog:
  - condition: message.text == 'lunch'
    label: lunch
    response: "{{ 'Anyway: ' if returning }}soup or salad?"
    followup: [{condition: message.text == 'soup', response: Tomato soup.}]
  - {condition: message.text == 'price', response: Seven coins.}
""")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_story() -> None:
    (story,) = read_stories(Document("stories.yaml", block("yaml")))
    assert run_story(BOT, story).outcome is Outcome.PASSED


def test_the_report() -> None:
    shown = PAGE.split("```\nstories.yaml:5")[1].split("```")[0]
    (story,) = read_stories(
        Document(
            "s", "- {name: lunch, turns: [{utc_time: 2024-05-14T09:30, message: lunch, response: Soup or salad?}]}"
        )
    )
    report = explain(run_story(BOT, story)).split("\n")
    pattern = shown.strip().split("\n")
    assert [line.split("🧑")[-1].strip() for line in report[1:]] == [
        line.split("🧑")[-1].strip() for line in pattern[1:]
    ]


def test_the_tests_in_python() -> None:
    names: dict[str, object] = {}
    exec(compile(block("python"), "stories.md", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        assert callable(test)
        test()
