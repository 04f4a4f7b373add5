"""No false alarm: what is told of the recorded bots is what those bots were written to show."""

import json
from pathlib import Path

import pytest

from maxbot.bot.check import check_bot
from maxbot.bot.load import load_bot

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "tests" / "conformance" / "cases").glob("*.json"))
EXAMPLES = sorted(ROOT.glob("examples/**/bot.yaml"))

ON_PURPOSE = {
    "errors-endless-merry-go-round": ["this never ends: ping → pong → ping"],
    "intents-errors-post": ["there is no intent 'helo', did you mean 'hello'?"] * 5 + ["there is no intent 'nonsense'"],
    "intents-none-defined-mill": ["there is no intent 'anything'"],
    "template-statements-orchestra": [
        "nobody defines the name 'missing'",
        "there is no file 'nothing.txt': templates find files with the extension jinja_loader",
    ],
    "template-undefined-lost-property": ["nobody defines the name 'missing'"] * 11,
    "tree-literal-conditions-lighthouse": [
        "nobody defines the name 'no': expressions have true, false and none",
        "nobody defines the name 'null': expressions have true, false and none",
        "nothing reaches this: the condition of the node in line 22 is always true",
    ],
}


def told(path: Path) -> list[str]:
    bot = load_bot(str(path))
    assert bot.definition is not None
    assert bot.made_with is not None
    markup = bot.markup
    return [
        warning.message
        for warning in check_bot(bot.definition, bot.made_with.jinja_env, schemas=lambda: markup.schemas)
    ]


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_a_recorded_bot(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text())
    for name, text in case.get("files", {"bot.yaml": case.get("bot_yaml")}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert told(tmp_path) == ON_PURPOSE.get(file.stem, [])


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.parent.name for file in EXAMPLES])
def test_an_example(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "123456:test")
    assert told(file) == []
