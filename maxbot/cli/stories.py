"""`maxbot stories`: has the conversations that a bot must have, and says what went otherwise."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from maxbot.bot import MaxBot
    from maxbot.bot.read.stories import Story

DEFAULT = "stories.yaml"


@click.command()
@click.option(
    "--bot", "-B", "spec", default="bot.yaml", envvar="MAXBOT_BOT", show_default=True, help="As of `maxbot run`."
)
@click.option(
    "--stories",
    "-S",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file of stories, or a folder with files stories.yaml and *.stories.yaml; may be repeated. "
    "Default: stories.yaml beside the bot.",
)
@click.option("--exitfirst", "-x", is_flag=True, help="Stop at the first story that fails.")
def stories(spec: str, paths: tuple[Path, ...], exitfirst: bool) -> int:
    """Run stories: conversations that the bot must have.

    Ends with 1 if one of them went otherwise.
    """
    from maxbot.bot import load_bot
    from maxbot.logs import Redactor
    from maxbot.stories.read import find_stories, load_stories

    bot = load_bot(spec)
    redact = Redactor(bot.secrets)
    found = find_stories(paths or [_beside(spec, bot)])
    counts: Counter[str] = Counter()
    for story in [story for path in found for story in load_stories(path, bot)]:
        word, text = _run(bot, story)
        counts[word] += 1
        click.echo(redact("\n".join([f"{story.name} {word}", *([text, ""] if text else [])])))
        if exitfirst and word in FAILURES:
            break
    click.echo(", ".join(f"{number} {word}" for word, number in counts.items()) or "no stories")
    return 1 if any(counts[word] for word in FAILURES) else 0


FAILURES = ("FAILED", "ERROR")


def _beside(spec: str, bot: "MaxBot") -> Path:
    path = Path(spec)
    if path.is_dir():
        return path / DEFAULT
    if not path.exists() and bot.files:
        path = bot.files[-1]
    return path.parent / DEFAULT


def _run(bot: "MaxBot", story: "Story") -> tuple[str, str]:
    """Return how a story ended, in a word, and what there is to say about it."""
    from maxbot.stories.report import explain
    from maxbot.stories.run import Outcome, run_story

    if "skip" in story.markers:
        return "SKIPPED", ""
    result = run_story(bot, story)
    if result.outcome is Outcome.PASSED:
        return "OK", ""
    if story.xfail or "xfail" in story.markers:
        return "XFAIL", ""
    return result.outcome.upper(), explain(result)
