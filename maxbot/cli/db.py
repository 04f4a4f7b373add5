"""`maxbot db`: the schema of a database, and what whoever runs the server would ask for."""

import ast
import json
from typing import TYPE_CHECKING

import click

from maxbot.cli.database import with_database

if TYPE_CHECKING:
    from maxbot.storage.backend import Backend

_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def db() -> None:
    """The database: its schema, its settings, and how much is in it."""


@db.command()
@with_database
def upgrade(backend: "Backend") -> None:
    """Bring the tables of an older release up to date. Make a backup first."""
    from maxbot.storage.place import claim_database
    from maxbot.storage.prepare import prepare
    from maxbot.storage.schema import REVISION

    # A file has one user at a time. A server's workers say in it which schema they know.
    claimed = claim_database(click.get_current_context().params["database"], 0.0)
    try:
        steps = prepare(backend, upgrade=True)
    finally:
        claimed.release()
    for step in steps:
        click.echo(f"{step}: {_titles()[step]}")
    click.echo(f"{backend.name} has schema {REVISION}")


@db.command()
@with_database
def current(backend: "Backend") -> None:
    """Show which schema the database has, and which one this release needs."""
    from maxbot.storage.report import revision
    from maxbot.storage.schema import REVISION

    click.echo(f"{backend.name} has {revision(backend) or 'no schema yet'}; this release needs {REVISION}")


@db.command()
def history() -> None:
    """List all schemas, oldest first."""
    for revision, title in _titles().items():
        click.echo(f"{revision}: {title}")


@db.command()
@with_database
@_json
@click.pass_context
def check(context: click.Context, /, backend: "Backend", as_json: bool) -> None:
    """Show the server's settings that matter, and what should be changed. Exits with 1 if something should."""
    from maxbot.storage.report import facts

    found = facts(backend)
    if as_json:
        click.echo(json.dumps([fact._asdict() for fact in found], indent=2))
    for fact in () if as_json else found:
        click.echo(f"{fact.name:<15} {fact.value}" + (f"\n{'':<15} -> {fact.advice}" if fact.advice else ""))
    context.exit(any(fact.advice for fact in found))


@db.command()
@with_database
@_json
def stats(backend: "Backend", as_json: bool) -> None:
    """Show how much is in the tables, how old the oldest of what waits is, and the counters."""
    from maxbot.storage.report import figures

    found = figures(backend)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    for name, value in () if as_json else found.items():
        click.echo(f"{name:<26} {value:>12}")


def _titles() -> dict[str, str]:
    from maxbot.storage.prepare import MIGRATIONS, known_revisions

    files = {file.name.partition("_")[0]: file for file in (MIGRATIONS / "versions").glob("[0-9]*.py")}
    return {
        step: (ast.get_docstring(ast.parse(files[step].read_text())) or "").partition("\n")[0]
        for step in known_revisions()
    }
