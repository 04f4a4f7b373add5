"""Another process, which does something to the database."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OTHER = """
import pathlib, sys
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.claim import claim
path = pathlib.Path(sys.argv[1])
does = {"claims": lambda: claim(path, 0), "leads": SQLite(path).leads, "writes": SQLite(path).begin}
what = does[sys.argv[2]]()
print(bool(what), flush=True)
sys.stdin.read()
"""


@contextmanager
def somebody_else(path: Path, what: str) -> Iterator[None]:
    """Have another process claim the file, lead, or be in the middle of a transaction."""
    command = [sys.executable, "-c", _OTHER, str(path), what]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        try:
            yield
        finally:
            other.kill()
