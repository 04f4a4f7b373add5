"""What a page shows as code is code: bots load, markup is read, Python compiles, commands and their options exist."""

import re
import shlex
import textwrap
from collections.abc import Iterator

import click
import pytest
import yaml

from maxbot import MaxBot
from maxbot.bot.read.stories import read_stories
from maxbot.cli.commands import commands
from maxbot.dialog.source import Document
from tests.test_docs import PAGES, ROOT

BLOCKS = [
    (page.relative_to(ROOT), language, textwrap.dedent(text))
    for page in PAGES
    for language, text in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE)
]
"""Page, language and text of each block."""


def of(language: str) -> pytest.MarkDecorator:
    """Parametrize a test by the blocks of a language."""
    found = [pytest.param(text, id=f"{page}:{text[:20]!r}") for page, name, text in BLOCKS if name == language]
    assert found
    return pytest.mark.parametrize("text", found)


@of("yaml")
def test_bots_and_their_parts_load(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "123:abc")
    value = yaml.load(text.replace("!ENV ", ""), yaml.BaseLoader)
    if isinstance(value, dict):
        bot = text if set(value) & {"dialog", "channels", "extensions"} else f"channels:\n{textwrap.indent(text, '  ')}"
        MaxBot.inline(bot)
    elif "turns" in value[0]:
        assert read_stories(Document("stories.yaml", text))
    else:
        section = "dialog" if "condition" in value[0] else "entities" if "values" in value[0] else "intents"
        # What a node names may be shown elsewhere on the page.
        MaxBot.inline(f"{section}:\n{textwrap.indent(text, '  ')}")


@of("xml")
def test_markup_is_read(text: str) -> None:
    bot = MaxBot.inline(f"dialog:\n  - condition: true\n    response: |\n{textwrap.indent(text, ' ' * 6)}")
    assert bot.process_message("hi")


@of("python")
def test_python_compiles(text: str) -> None:
    whole = text if not text.startswith(" ") else f"class Shown:\n{text}"
    compile(whole, "page.md", "exec")


def lines() -> Iterator[tuple[str, list[str]]]:
    """Yield each command line of a page that begins with maxbot, and its words."""
    for page in PAGES:
        for line in re.findall(r"^ *(?:\$ )?(?:[A-Z_]+=\S+ )*(maxbot [a-z-].*)$", page.read_text(), re.MULTILINE):
            if any(line in text for _, language, text in BLOCKS if language in ("", "sh", "console")):
                yield f"{page.relative_to(ROOT)}: {line}", shlex.split(line)[1:]


@pytest.mark.parametrize(("words"), [pytest.param(words, id=line) for line, words in lines()])
def test_commands_have_these_options(words: list[str]) -> None:
    command: click.Command = commands
    while isinstance(command, click.Group):
        found = command.commands.get(words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert given - known == set()
