"""Stories as tests of pytest: `pytest --bot bot.yaml`. Does nothing without `--bot`.

pytest loads this in every project of an environment: what maxbot needs is imported only if there are stories to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from maxbot.bot import MaxBot
    from maxbot.bot.read.stories import Story
    from maxbot.stories.run import Result

ENDINGS = (".yaml", ".yml")

_bot = pytest.StashKey["MaxBot"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that tells the bot."""
    parser.getgroup("maxbot").addoption(
        "--bot",
        metavar="PATH",
        help="The bot whose stories are run, as for `maxbot run`. Files stories.yaml, *.stories.yaml, and those named.",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> StoriesFile | None:
    """Take files of stories: by their names, and those on the command line."""
    if parent.config.getoption("--bot") is None or file_path.suffix not in ENDINGS:
        return None
    from maxbot.stories.read import is_stories_file

    if not parent.session.isinitpath(file_path) and not is_stories_file(file_path):
        return None
    file: StoriesFile = StoriesFile.from_parent(parent, path=file_path)
    return file


def _load_bot(config: pytest.Config) -> MaxBot:
    """Return the bot of this run, loaded once."""
    if _bot not in config.stash:
        from maxbot.bot import load_bot
        from maxbot.env_files import read_env_files

        read_env_files(config.getoption("--bot"))
        config.stash[_bot] = load_bot(config.getoption("--bot"))
    return config.stash[_bot]


class StoriesFile(pytest.File):
    """A file of stories."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield its stories as tests."""
        from maxbot.errors import MaxBotError
        from maxbot.stories.read import load_stories

        try:
            bot = _load_bot(self.config)
            stories = load_stories(self.path, bot)
        except MaxBotError as error:
            raise self.CollectError(str(error)) from None
        for story in stories:
            item: StoryItem = StoryItem.from_parent(self, name=story.name, story=story, bot=bot)
            for marker in [*story.markers, *["xfail"] * story.xfail]:
                item.add_marker(marker)
            yield item


class StoryItem(pytest.Item):
    """A story as a test."""

    def __init__(self, *, story: Story, bot: MaxBot, **given: Any) -> None:
        super().__init__(**given)
        self._story = story
        self._bot = bot

    def runtest(self) -> None:
        """Run it."""
        from maxbot.stories.run import Outcome, run_story

        result = run_story(self._bot, self._story)
        if result.outcome is not Outcome.PASSED:
            raise StoryFailed(result)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return the conversation and what was wrong with it, without a traceback of maxbot's own."""
        return str(excinfo.value) if isinstance(excinfo.value, StoryFailed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the story stands."""
        return self.path, self._story.place.line - 1, self.name


class StoryFailed(Exception):
    """A story did not pass.

    Args:
        result: What came of it.
    """

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        from maxbot.stories.report import explain

        return explain(self.result)
