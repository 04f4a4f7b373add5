"""A private PgBouncer that gives a connection of the server to a client for a transaction only."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.postgresql import PostgreSQLServer, private_file, server_user
from tests.support.processes import eventually, free_port

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={target} user=maxbot
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@contextmanager
def pgbouncer(server: PostgreSQLServer) -> Iterator[int]:
    """Give the port of one before a server."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    assert program, "The tests need PgBouncer: scripts/install installs it, or says how"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="maxbot-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        private_file(file, _CONFIGURATION.format(target=server.port, port=port).encode())
        process = subprocess.Popen([program, "-q", str(file)], cwd=folder, **server_user())  # type: ignore[call-overload]
        try:
            eventually(lambda: _answers(server.url("postgres", port=port)))
            yield port
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
