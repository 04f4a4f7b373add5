"""Schemas of marshmallow's. Where a field stands in markup is said with `metadata={"maxml": "element"}`."""

import datetime
import decimal
import enum
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow
from marshmallow import fields

from maxbot.bot.schemas.schema import Schema
from maxbot.maxml import Field, markup


def read(schema: Any) -> Schema:
    """Return what a schema says, a class or an object of one."""
    made: marshmallow.Schema = schema() if isinstance(schema, type) else schema

    def load(value: Any) -> Any:
        try:
            return made.load(value)
        except marshmallow.ValidationError as error:
            raise ValueError("; ".join(_problems(error.messages))) from error

    return Schema(tuple(_fields(made)), load, _json)


def _fields(schema: marshmallow.Schema) -> Iterator[Field]:
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        nested = inner.schema if isinstance(inner, fields.Nested) else None
        yield Field(
            name=field.data_key or name,
            # marshmallow converts; it knows more types than markup does.
            type="nested" if nested else "markup" if isinstance(inner, markup.Field) else "string",
            place=field.metadata.get("maxml"),
            many=inner is not field or bool(nested and nested.many),
            required=field.required,
            fields=tuple(_fields(nested)) if nested else (),
        )


def _problems(messages: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong, each with where."""
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            yield from _problems(value, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        words = " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
        yield f"{path}: {words}" if path else words


def _json(value: Any) -> Any:
    """Return a value as JSON knows it; what it does not know is left for whoever stores it to refuse."""
    match value:
        case Mapping():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value.total_seconds()
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case enum.Enum():
            return _json(value.value)
        case uuid.UUID():
            return str(value)
    return value
