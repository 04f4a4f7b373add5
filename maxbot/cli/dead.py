"""`maxbot dead`: look through dead letters, and try them again or drop them. Works beside a running server."""

import json
import time
from typing import TYPE_CHECKING, Any

import click

from maxbot.cli.database import with_database
from maxbot.errors import UsageError

if TYPE_CHECKING:
    from maxbot.storage.backend import Backend
    from maxbot.storage.inspect import Letter

TAKEN_UP = "A running server takes it up within ten seconds; else the next start does"

_ids = click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
_dialog = click.option("--dialog", metavar="CHANNEL:USER", help="Those of one dialog.")
_all = click.option("--all", "everything", is_flag=True, help="All there are.")
_json = click.option("--json", "as_json", is_flag=True, help="As JSON, with the whole content and traceback.")


@click.group()
def dead() -> None:
    """Dead letters: messages whose turn failed, and replies that could not be sent.

    They were set aside so that their dialog could go on, and are kept for 180 days.
    """


@dead.command("list")
@with_database
@_dialog
@_json
def list_letters(backend: "Backend", dialog: str | None, as_json: bool) -> None:
    """List them, the oldest first."""
    from maxbot.storage.inspect import find_letters

    found = find_letters(backend, dialog=dialog)
    if as_json:
        _say_json(found)
    elif not found:
        click.echo("There are no dead letters")
    for letter in () if as_json else found:
        click.echo(f"{letter.id:>6}  {_when(letter)}  {letter.kind:<7}  {letter.dialog}  {_shown(letter.reason)[:120]}")


@dead.command()
@_ids
@with_database
@_dialog
@_json
def show(ids: tuple[int, ...], backend: "Backend", dialog: str | None, as_json: bool) -> None:
    """Show what was set aside, and why."""
    from maxbot.storage.inspect import find_letters

    found = _some(find_letters(backend, _chosen(ids, dialog, False), dialog), ids)
    if as_json:
        _say_json(found)
    for letter in () if as_json else found:
        click.echo(f"{letter.id}: {letter.kind} of {letter.dialog}, set aside {_when(letter)}")
        click.echo(f"  reason:  {_shown(letter.reason)}")
        click.echo(f"  content: {json.dumps(letter.content, ensure_ascii=True)}")
        for line in (letter.traceback or "").splitlines():
            click.echo(f"    {_shown(line)}")


@dead.command()
@_ids
@with_database
@_dialog
@_all
@_json
def retry(ids: tuple[int, ...], backend: "Backend", dialog: str | None, everything: bool, as_json: bool) -> None:
    """Try them again: each goes behind what waits for its dialog."""
    from maxbot.storage.inspect import retry_letters

    done = retry_letters(backend, _chosen(ids, dialog, everything), dialog)
    letters = _some([letter for letter, _ in done], ids)
    if as_json:
        _say_json(letters)
        return
    for letter, waiting in done:
        place = f"behind {waiting} that wait for its dialog" if waiting else "at once: nothing waits for its dialog"
        click.echo(f"{letter.id}: {letter.kind} of {letter.dialog} is tried again, {place}")
    click.echo(TAKEN_UP)


@dead.command()
@_ids
@with_database
@_dialog
@_all
@_json
def drop(ids: tuple[int, ...], backend: "Backend", dialog: str | None, everything: bool, as_json: bool) -> None:
    """Delete them for good."""
    from maxbot.storage.inspect import drop_letters

    letters = _some(drop_letters(backend, _chosen(ids, dialog, everything), dialog), ids)
    if as_json:
        _say_json(letters)
        return
    for letter in letters:
        click.echo(f"{letter.id}: {letter.kind} of {letter.dialog} is gone")


def _chosen(ids: tuple[int, ...], dialog: str | None, everything: bool) -> tuple[int, ...]:
    """Return the ids; nothing is ever changed because nobody said which."""
    if [bool(ids), dialog is not None, everything].count(True) != 1:
        raise UsageError("say which dead letters: their ids, --dialog CHANNEL:USER, or --all where there is one")
    return ids


def _some(letters: "list[Letter]", ids: tuple[int, ...]) -> "list[Letter]":
    missing = sorted(set(ids) - {letter.id for letter in letters})
    if missing:
        click.echo(f"There is no dead letter {', '.join(map(str, missing))}", err=True)
    elif not letters:
        click.echo("There are no such dead letters", err=True)
    return letters


def _say_json(letters: "list[Letter]") -> None:
    values: list[dict[str, Any]] = [letter._asdict() for letter in letters]
    click.echo(json.dumps(values, indent=2))


def _when(letter: "Letter") -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(letter.set_aside_at))


def _shown(text: str) -> str:
    from maxbot.logs import escape

    return escape(text)
