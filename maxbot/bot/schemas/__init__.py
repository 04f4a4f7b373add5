"""Schemas of an author's own, for commands, messages and the configuration of extensions and channels.

A schema is a class: a msgspec struct, a dataclass or a `TypedDict` (`structs.py`), or one of marshmallow's, as bots of
MaxBot 0.3 have them (`marshmallow.py`, imported only for those).
"""

from maxbot.bot.schemas.schema import Schema, command_schema, read_schema

__all__ = ["Schema", "command_schema", "read_schema"]
