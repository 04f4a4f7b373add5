"""The tables mean the same on every database; what is compiled here has been a trap on one of them."""

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateTable

from maxbot.storage.schema import metadata

DIALECTS = [
    SQLiteDialect(),
    PGDialect(),  # type: ignore[no-untyped-call]
    MySQLDialect(),
]


def made(table: str, dialect: Dialect) -> str:
    return " ".join(str(CreateTable(metadata.tables[table]).compile(dialect=dialect)).split())


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("seen", "id", ("id INTEGER", "id BIGSERIAL", "id BIGINT")),
        ("seen", "key", ('"key" VARCHAR(200)', 'key VARCHAR(200) COLLATE "C"', "`key` VARBINARY(800)")),
        ("dialogs", "dialog", ("VARCHAR(401)", 'VARCHAR(401) COLLATE "C"', "VARBINARY(1604)")),
        ("inbox", "message", ("message BLOB", "message BYTEA", "message BLOB(4294967295)")),
        ("inbox", "accepted_at", ("DOUBLE", "DOUBLE PRECISION", "accepted_at DOUBLE")),
        ("outbox", "update_id", ("update_id INTEGER", "update_id BIGINT", "update_id BIGINT")),
        ("dead_letters", "traceback", ("traceback TEXT", "traceback TEXT", "traceback TEXT(4294967295)")),
    ],
)
def test_columns_have_room_and_compare_bytewise(table: str, column: str, words: tuple[str, str, str]) -> None:
    for dialect, expected in zip(DIALECTS, words, strict=True):
        assert expected in made(table, dialect), f"{dialect.name}: {made(table, dialect)}"
