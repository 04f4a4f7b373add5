"""How tables are made on MySQL and MariaDB, whatever the server's defaults are: in InnoDB, and in utf8mb4."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

ENGINE, CHARSET, COLLATION = "InnoDB", "utf8mb4", "utf8mb4_bin"


@compiles(CreateTable, "mysql")
def _create_table(element: CreateTable, compiler: Any, **options: Any) -> str:
    made: str = compiler.visit_create_table(element, **options)
    return f"{made.rstrip()} ENGINE={ENGINE} DEFAULT CHARSET={CHARSET} COLLATE={COLLATION}"
