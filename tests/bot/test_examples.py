"""The examples load and answer as their READMEs say."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import maxbot
from maxbot.bot import load_bot
from maxbot.stories.read import load_stories
from maxbot.stories.report import explain
from maxbot.stories.run import run_story

from .support import StubWeb, channels, stub_channels

__all__ = ["channels"]

EXAMPLES = Path(maxbot.__file__).parent.parent / "examples"


STORIES = sorted(path.parent.name for path in EXAMPLES.glob("*/stories.yaml"))


@pytest.mark.usefixtures("channels")
@pytest.mark.parametrize("example", STORIES)
def test_the_stories_of_an_example(example: str) -> None:
    bot = load_bot(str(EXAMPLES / example))
    stories = load_stories(EXAMPLES / example / "stories.yaml", bot)
    assert len(stories) >= 3
    assert [explain(result) for result in (run_story(bot, story) for story in stories) if explain(result)] == []


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_says_how_to_run_it(example: str) -> None:
    readme = (EXAMPLES / example / "README.md").read_text()
    assert re.search(rf"^maxbot run --bot (examples/{example}(/{example}\.py)?|echo:bot)$", readme, re.MULTILINE)


@pytest.mark.usefixtures("channels")
def test_echo() -> None:
    bot = load_bot(str(EXAMPLES / "echo"))
    assert list(bot.channels.by_name) == ["web"]
    assert bot.process_message("hello") == [{"text": "hello"}]
    assert bot.process_message({"image": {"url": "http://example.com/a.png"}}) == [
        {"text": "A picture: without a caption"}
    ]
    assert bot.process_message({"image": {"url": "http://example.org/u", "caption": "a cat"}}) == [
        {"text": "A picture: a cat"}
    ]


def test_echo_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    web = ModuleType("maxbot.channels.web.channel")
    web.__dict__["WebChannel"] = StubWeb
    monkeypatch.setitem(sys.modules, "maxbot.channels.web.channel", web)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(EXAMPLES / "echo_python")
    monkeypatch.delitem(sys.modules, "echo", raising=False)
    bot = load_bot("echo:bot")
    assert list(bot.channels.by_name) == ["web"]
    assert bot.process_message("hello") == [{"text": "hello (1)"}]
    assert bot.process_message({"image": {"url": "http://example.org/u"}}) == [{"text": "I only know texts. (2)"}]
    assert bot.files == [EXAMPLES / "echo_python" / "echo.py"]
    sys.modules.pop("echo")


def test_the_bots_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (EXAMPLES.parent / "docs" / "reference" / "bot.md").read_text()
    blocks = {language: page.split(f"```{language}\n")[1].split("```")[0] for language in ("yaml", "python")}
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:a")
    with stub_channels():
        bot = maxbot.MaxBot.inline(blocks["yaml"])
    assert bot.process_message("hello") == [{"text": "Good day!"}]
    assert bot.process_message("moon") == [{"text": "You said: moon"}]
    (tmp_path / "documented.py").write_text(blocks["python"])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_bot("documented:bot").process_message("hi") == [{"text": "hi (1)"}]
    sys.modules.pop("documented")
