"""The page of what the database keeps names every table and every counter."""

import re
from pathlib import Path

import maxbot
from maxbot.storage.schema import metadata

ROOT = Path(maxbot.__file__).parent
PAGE = (ROOT.parent / "docs" / "reference" / "database.md").read_text()


def in_tables(page: str) -> set[str]:
    """Return what the first columns of the page's tables name."""
    return set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))


def counted() -> set[str]:
    """Return the names of all counters that the code writes."""
    code = "\n".join(file.read_text() for file in ROOT.rglob("*.py"))
    found = re.findall(
        r'counters\.add\(transaction, "(\w+)"|store\.count, "(\w+)"|^    \w+: "(\w+)",$', code, re.MULTILINE
    )
    return {name for names in found for name in names if name}


def test_every_table_and_every_counter_has_its_row_and_no_other_has() -> None:
    assert {"redelivered", "uncertain", "stale_turns"} <= counted()
    assert in_tables(PAGE) == (set(metadata.tables) - {"alembic_version"}) | counted()
