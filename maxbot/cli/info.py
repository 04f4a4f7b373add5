"""`maxbot info`: what to put into a report."""

import platform
from pathlib import Path

import click

import maxbot


@click.command()
def info() -> None:
    """Show versions and where maxbot is installed."""
    rows = {
        "maxbot": maxbot.__version__,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "location": str(Path(maxbot.__file__).parent),
    }
    for name, value in rows.items():
        click.echo(f"{name:<9} {value}")
