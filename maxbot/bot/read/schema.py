"""The JSON Schemas of a bot's files, for editors: made of what reads the files."""

from typing import Any

from maxbot.bot.read.bot import SECTIONS, section_kind
from maxbot.bot.read.kinds import Kind, Schemas
from maxbot.bot.read.stories import STORIES

DRAFT = "http://json-schema.org/draft-07/schema#"

TAG = (
    "A text may have the tag !ENV, which puts environment variables into it: !ENV ${NAME} or !ENV ${NAME:default}. "
    'Editors have to be told of the tag; for the YAML extension of VS Code: "yaml.customTags": ["!ENV scalar"].'
)


def bot_schema() -> dict[str, Any]:
    """Return the schema of a `bot.yaml`."""
    schemas: Schemas = {}
    properties = {name: section_kind(name).json_schema(schemas) for name in SECTIONS}
    return {
        "$schema": DRAFT,
        "title": "A bot of maxbot",
        "description": TAG,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "definitions": schemas,
    }


def stories_schema() -> dict[str, Any]:
    """Return the schema of a file of stories."""
    return _whole(STORIES, "Stories of a bot of maxbot")


def _whole(kind: Kind, title: str) -> dict[str, Any]:
    schemas: Schemas = {}
    schema = kind.json_schema(schemas)
    return {"$schema": DRAFT, "title": title, "description": TAG, **schema, "definitions": schemas}
