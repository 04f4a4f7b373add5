"""`maxbot check` and `maxbot schema`."""

import json
from pathlib import Path

import pytest

from maxbot.cli import main

SOUND = "dialog: [{condition: message.text, response: hello}]\n"
ODD = "dialog: [{condition: mesage.text, response: hello}]\n"
WRONG = "dialog: [{condition: message.text}]\nchannel: {}\n"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code, capsys.readouterr().out


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("bot.yaml")


def test_a_sound_bot(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot.write_text(SOUND)
    assert run(capsys, "check", "--bot", "bot.yaml") == (0, "no mistakes, no warnings\n")


def test_a_warning_fails_only_where_it_is_asked_to(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot.write_text(ODD)
    code, said = run(capsys, "check", "--bot", "bot.yaml")
    assert code == 0
    assert said.startswith("warning: bot.yaml:1:22: nobody defines the name 'mesage', did you mean 'message'?\n")
    assert said.endswith("no mistakes, 1 warning\n")
    assert run(capsys, "check", "--bot", "bot.yaml", "--strict")[0] == 1


def test_all_mistakes_are_said(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot.write_text(WRONG)
    code, said = run(capsys, "check", "--bot", ".")
    assert code == 1
    assert said.count("mistake: bot.yaml:") == 2
    assert said.endswith("2 mistakes, no warnings\n")


def test_programs_get_json(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot.write_text(WRONG)
    code, said = run(capsys, "check", "--bot", "bot.yaml", "--format", "json")
    shown = json.loads(said)
    assert code == 1
    assert [(found["file"], found["line"], found["column"]) for found in shown["mistakes"]] == [
        ("bot.yaml", 2, 1),
        ("bot.yaml", 1, 10),
    ]
    assert shown["warnings"] == []


def test_a_token_is_not_printed(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = "123456789:" + "A" * 35
    bot.write_text(f"# {token}\ndialog: x\n")
    for form in ("text", "json"):
        assert token not in run(capsys, "check", "--bot", "bot.yaml", "--format", form)[1]


@pytest.mark.parametrize("of", ["bot", "stories"])
def test_schema_prints_json(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "schema", of)
    assert code in (0, None)
    assert json.loads(said)["$schema"] == "http://json-schema.org/draft-07/schema#"
