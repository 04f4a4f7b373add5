"""`maxbot check`: what can be known of a bot without running it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from maxbot.errors import BotError, Mistake


@click.command()
@click.option(
    "--bot", "-B", "spec", default="bot.yaml", envvar="MAXBOT_BOT", show_default=True, help="As of `maxbot run`."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Warnings fail as well.")
def check(spec: str, form: str, strict: bool) -> int:
    """Look for mistakes in a bot, and for what is probably not meant.

    Ends with 1 if there is a mistake, which would keep the bot from running; a warning is none.
    """
    mistakes, warnings, hidden = _look_at(spec)
    _print_json(mistakes, warnings) if form == "json" else _print_text(mistakes, warnings, hidden)
    return 1 if mistakes or (strict and warnings) else 0


def _look_at(spec: str) -> tuple[Sequence[Mistake], Sequence[Mistake], int]:
    """Return mistakes and warnings, and how many mistakes there are besides."""
    from maxbot.bot import load_bot
    from maxbot.bot.check import doubts

    try:
        bot = load_bot(spec)
    except BotError as error:
        return error.mistakes, (), error.unsaid
    return (), doubts(bot), 0


def _print_text(mistakes: Sequence[Mistake], warnings: Sequence[Mistake], hidden: int) -> None:
    from maxbot.logs import Redactor

    redact = Redactor()  # a line that is shown may hold a token
    for word, found in (("mistake", mistakes), ("warning", warnings)):
        for each in found:
            click.echo(redact(f"{word}: {each}"))
    click.echo(f"{_count(len(mistakes) + hidden, 'mistake')}, {_count(len(warnings), 'warning')}")


def _print_json(mistakes: Sequence[Mistake], warnings: Sequence[Mistake]) -> None:
    from maxbot.logs import Redactor

    shown = {"mistakes": [asdict(each) for each in mistakes], "warnings": [asdict(each) for each in warnings]}
    click.echo(Redactor()(json.dumps(shown, ensure_ascii=False, indent=2)))


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
