"""`maxbot schema`: what an editor needs to help with a bot's files."""

import json

import click


@click.command()
@click.argument("of", type=click.Choice(["bot", "stories"]))
def schema(of: str) -> None:
    """Print the JSON Schema (draft 7) of a bot.yaml or of a file of stories."""
    from maxbot.bot.read.schema import bot_schema, stories_schema

    click.echo(json.dumps(bot_schema() if of == "bot" else stories_schema(), indent=2))
