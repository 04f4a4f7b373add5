"""Every mistake of a bot is told at once, each with its place; the first one leads."""

from pathlib import Path

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import SHOWN_MISTAKES, BotError
from tests.bot.support import channels

__all__ = ["channels"]

pytestmark = pytest.mark.usefixtures("channels")


def mistakes(bot_yaml: str) -> list[tuple[int | None, int | None, str]]:
    with pytest.raises(BotError) as caught:
        MaxBot.inline(bot_yaml)
    return [(mistake.line, mistake.column, mistake.message) for mistake in caught.value.mistakes]


def places(bot_yaml: str) -> list[tuple[int | None, int | None]]:
    return [(line, column) for line, column, _ in mistakes(bot_yaml)]


def test_all_mistakes_are_told_in_the_order_of_loading() -> None:
    found = mistakes(
        "intents: [{name: a, examples: []}]\n"
        "dialog:\n"
        "  - {condition: a b, response: x, lable: y}\n"
        "  - {condition: true, response: '{{ x|nothing }}'}\n"
        "rpc: [{params: []}]\n"
        "channels: {pigeon: {}}\n"
        "extension: {}\n"
    )
    assert [line for line, _, _ in found] == [7, 6, 5, 3, 3, 4, 1]
    assert "did you mean 'extensions'" in found[0][2]
    assert "did you mean 'label'" in found[4][2]


def test_the_error_is_its_first_mistake() -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline("dialog:\n  - {condition: a b}\n  - x\n")
    error = caught.value
    assert (error.file, error.line, error.column, error.source) == ("<inline>", 2, 17, "  - {condition: a b}")
    assert error.message == error.mistakes[0].message


def test_a_key_that_is_missing_is_told_before_one_that_is_unknown() -> None:
    assert [message for _, _, message in mistakes("intents:\n  - {samples: [x]}\n")] == [
        "the key 'name' is missing in this intent",
        "the key 'examples' is missing in this intent",
        "unknown key 'samples' in this intent, did you mean 'examples'? expected: name, examples",
    ]


def test_a_value_that_could_not_be_read_is_no_second_mistake() -> None:
    assert places("channels: {telegram: {api_token: !ENV '${MAXBOT_TEST_UNSET}', timeout: 5}}\n") == [(1, 34)]
    assert places("dialog:\n  - condition: !what true\n    response: x\n") == [(2, 16)]
    assert places("extensions: !what {}\ndialog: [{condition: true, response: '{{ 1|format_date }}'}]\n") == [(1, 13)]


def test_names_are_checked_across_files_at_the_end() -> None:
    found = mistakes(
        "dialog:\n"
        "  - {condition: true, response: x, label: a}\n"
        "  - {condition: true, response: x, label: a}\n"
        "  - subtree: nowhere\n"
        "entities: [{}]\n"
    )
    assert [(line, column) for line, column, _ in found] == [(5, 12), (3, 43), (4, 14)]
    assert "in line 2" in found[1][2]
    assert "only a bot in a directory has subtrees" in found[2][2]


def test_the_lines_around_a_mistake_are_shown() -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline("# my bot\ndialog:\n  - condition: true\n    respond: hello\n  # the end\n")
    assert str(caught.value).splitlines()[-6:] == [
        "<inline>:4:5: unknown key 'respond' in this node, did you mean 'response'? "
        "expected: condition, response, label, followup, slot_filling, slot_handlers, settings",
        "    2 | dialog:",
        "    3 |   - condition: true",
        "    4 |     respond: hello",
        "      |     ^",
        "    5 |   # the end",
    ]


def test_a_bot_that_is_wrong_all_over_is_not_told_all_of_it() -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline("dialog:\n" + "  - x\n" * 1_000)
    error = caught.value
    assert len(error.mistakes) + error.unsaid == 1_000
    assert str(error).count("is a text") == SHOWN_MISTAKES
    assert str(error).endswith(f"... and {1_000 - SHOWN_MISTAKES} more mistakes")


def test_a_line_as_long_as_its_file_is_not_printed() -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline(f"dialog: [{{condition: true, respond: '{'x' * 50_000}'}}]\n")
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "bot_yaml",
    [
        "channels:\n  telegram:\n    api_token: geheim\n    colour: geheim\n",
        "channels:\n  telegram:\n    api_token: geheim\ndialgo: []\n",
        "channels:\n  telegram: {api_token: geheim, 'other': [}\n",
        "channels:\n  telegram: {timeout: x, api_token: 'geheim'}\n",
        "extensions:\n  rest:\n    services: [{name: a, auth: {user: b, password: geheim}, x: y}]\n",
    ],
)
def test_a_token_is_in_no_error_not_even_in_a_line_around_it(bot_yaml: str) -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline(bot_yaml)
    assert "geheim" not in str(caught.value)


def test_every_file_of_a_directory_is_read_before_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("channels: {pigeon: {}}\n")
    (tmp_path / "dialog.yaml").write_text("- condition: a b\n  response: x\n")
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "b.yaml").write_text("- name: [\n")
    (tmp_path / "intents" / "a.yaml").write_text("- name: a\n")
    with pytest.raises(BotError) as caught:
        MaxBot.from_directory(tmp_path)
    files = [Path(mistake.file or "").relative_to(tmp_path).as_posix() for mistake in caught.value.mistakes]
    assert files == ["bot.yaml", "dialog.yaml", "intents/a.yaml", "intents/b.yaml"]
