"""A bot in a directory: which files are read, in which order, and how they go together."""

from pathlib import Path

import pytest

from maxbot.bot.load import load_bot
from maxbot.bot.read.bot import Options, read_files, read_inline
from maxbot.bot.read.files import BotFiles, find_files
from maxbot.dialog.definitions import BotDefinition, NodeDefinition, SubtreeReference
from maxbot.errors import BotError

NODE = "- condition: true\n  response: {}\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path, files: dict[str, str]) -> BotDefinition:
    write(folder, files)
    return read_files(find_files(folder), lambda extensions: None)


def test_intents_and_entities_of_all_files_are_put_together_in_the_order_of_names(tmp_path: Path) -> None:
    bot = read(
        tmp_path,
        {
            "bot.yaml": "intents: [{name: a, examples: [x]}]\nentities: [{name: a}]\n",
            "intents.yaml": "- {name: b, examples: [x]}\n",
            "intents/2.yaml": "- {name: d, examples: [x]}\n",
            "intents/1.yaml": "- {name: c, examples: [x]}\n",
            "intents/.hidden.yaml": "- {name: hidden, examples: [x]}\n",
            "intents/deeper/1.yaml": "nobody: reads this\n",
            "intents/1.yml": "nobody: reads this\n",
            "intents/1.YAML": "nobody: reads this\n",
            "entities/1.yaml": "- {name: b}\n",
        },
    )
    assert [intent.name for intent in bot.intents] == ["a", "b", "hidden", "c", "d"]
    assert [entity.name for entity in bot.entities] == ["a", "b"]


def test_subtrees_are_found_at_any_depth(tmp_path: Path) -> None:
    bot = read(
        tmp_path,
        {
            "bot.yaml": "dialog: []\n",
            "dialog.yaml": "- subtree: b\n" + NODE.format("x"),
            "dialog/z.yaml": "name: a\nnodes: []\nguard: true\n",
            "dialog/deep/er/y.yaml": "name: b\nnodes:\n  - subtree: a\n",
        },
    )
    assert [subtree.name for subtree in bot.subtrees] == ["b", "a"]
    assert isinstance(bot.dialog[0], SubtreeReference)
    assert isinstance(bot.dialog[1], NodeDefinition)


def test_a_single_file_is_all_of_its_bot(tmp_path: Path) -> None:
    write(tmp_path, {"bot.yaml": "dialog: []\n", "intents.yaml": "broken: [\n"})
    assert read_files(BotFiles(tmp_path / "bot.yaml"), lambda extensions: None).intents == ()


def test_the_command_line_reads_what_stands_beside_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"other.yaml": "{}\n", "dialog.yaml": NODE.format("hello"), "bot.yaml": "broken: [\n"})
    bot = load_bot(str(tmp_path / "other.yaml"))
    assert bot.process_message("x") == [{"text": "hello"}]
    assert [file.name for file in bot.files] == ["other.yaml", "dialog.yaml"]


def test_a_broken_file_makes_no_mistakes_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(BotError) as caught:
        read(tmp_path, {"bot.yaml": "dialog: [{subtree: a}]\n", "dialog/a.yaml": "name: a\nnodes: [\n"})
    assert [mistake.file for mistake in caught.value.mistakes] == [str(tmp_path / "dialog/a.yaml")]


def test_an_empty_dialog_file_is_an_empty_dialog(tmp_path: Path) -> None:
    assert read(tmp_path, {"bot.yaml": "{}\n", "dialog.yaml": "# later\n"}).dialog == ()


@pytest.mark.parametrize("name", ["intents.yaml", "intents/a.yaml", "rpc.yaml", "dialog/a.yaml"])
def test_any_other_empty_file_is_a_mistake(name: str, tmp_path: Path) -> None:
    with pytest.raises(BotError, match="there is nothing in this file") as caught:
        read(tmp_path, {"bot.yaml": "{}\n", name: ""})
    assert caught.value.file == str(tmp_path / name)


def test_a_section_in_a_file_of_its_own_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BotError, match="this file is a mapping, expected: a list of nodes"):
        read(tmp_path, {"bot.yaml": "{}\n", "dialog.yaml": "dialog: []\n"})


def test_an_anchor_ends_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(BotError, match="there is no anchor &x"):
        read(tmp_path, {"bot.yaml": "dialog: [&x {condition: true, response: a}]\n", "intents.yaml": "- *x\n"})


def test_who_has_another_recogniser_may_write_what_it_knows() -> None:
    text = "intents: what you like\nentities: 5\n"
    assert read_inline(text, lambda extensions: None, Options(recogniser=lambda: False)).intents == ()
    assert (
        read_inline(f"extensions: {{rasa: {{url: 'http://localhost/'}}}}\n{text}", lambda extensions: None).intents
        == ()
    )
    with pytest.raises(BotError):
        read_inline(text, lambda extensions: None)
