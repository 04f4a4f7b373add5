"""A private PostgreSQL: a free port, a fresh directory, gone afterwards. It may be killed; nobody else's is touched."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import psycopg.sql

from tests.support.processes import PATIENCE, eventually, free_port

LOCKED = "locked"
"""A user who needs a password."""
PASSWORD = "s3cret of the database/?@"

_HBA = (
    f"local all all trust\nhost all {LOCKED} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
    "host replication all 127.0.0.1/32 trust\n"
)

# fsync: all of it survives the kill of any process, and a test cuts no power.
_SETTINGS = {"fsync": "off", "max_connections": "100", "shared_buffers": "32MB", "log_min_messages": "fatal"}


def binaries() -> Path:
    """Return where the newest server's programs are.

    Raises:
        RuntimeError: There is none; `scripts/install` says or does what is needed.
    """
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name))
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    if not places:
        raise RuntimeError("The tests need PostgreSQL's server: scripts/install installs it, or says how")
    return places[-1]


def server_user() -> dict[str, str | int]:
    """Return who runs the server, which refuses root."""
    if os.geteuid():
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid}


def private_file(path: Path, content: bytes) -> None:
    """Write a file that only whoever runs the server can read."""
    path.write_bytes(content)
    path.chmod(0o600)
    if who := server_user():
        os.chown(path, int(who["user"]), int(who["group"]))


class PostgreSQLServer:
    """A server of one's own.

    Args:
        files: Put beside its data, readable by it alone.
        standby_of: Follow another one, from a copy of all that it has.
        settings: Added to its `postgresql.conf`.
    """

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, standby_of: "PostgreSQLServer | None" = None, **settings: str
    ) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="maxbot-postgresql-"))
        self._data = self._folder / "data"
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._files = files or {}
        if who := server_user():
            os.chown(self._folder, int(who["user"]), int(who["group"]))
        if standby_of is None:
            self._make()
        else:
            self._follow(standby_of)

    def _follow(self, primary: "PostgreSQLServer") -> None:
        options = ["-R", "-X", "stream", "--checkpoint=fast", "-h", "127.0.0.1", "-p", str(primary.port)]
        self._call("pg_basebackup", *options, "-U", "maxbot", "-D", str(self._data))
        self._configure()
        self.start()

    def follow_synchronously(self) -> None:
        """Tell no client that something is committed before its standby has it too."""
        with self.connected() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            eventually(lambda: connection.execute(synchronous).fetchone() == (1,))

    def promote(self) -> None:
        """Make a standby the primary."""
        with self.connected() as connection:
            connection.execute("SELECT pg_promote()")

    def _make(self) -> None:
        self._call("initdb", "--auth=trust", "--username=maxbot", "--encoding=UTF8", "--no-sync", "-D", str(self._data))
        (self._data / "pg_hba.conf").write_text(_HBA)
        for name, content in self._files.items():
            private_file(self._data / name, content)
        self._configure()
        self.start()
        with self.connected() as connection:
            literal = psycopg.sql.Literal(PASSWORD)
            connection.execute(psycopg.sql.SQL("CREATE ROLE locked LOGIN PASSWORD {}").format(literal))

    def _configure(self) -> None:
        lines = [f"{name} = '{value}'" for name, value in self._settings.items()]
        lines += [
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self._folder}'",
            f"port = {self.port}",
        ]
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *lines, ""]))

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **server_user())  # type: ignore[call-overload]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self._process = self._launch()
            while self._process.poll() is None:
                try:
                    psycopg.connect(self.url("postgres")).close()
                    return
                except psycopg.OperationalError:
                    time.sleep(0.02)
            # What was killed may still hold its shared memory for a moment.
            assert time.monotonic() < deadline, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def _launch(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
                [str(binaries() / "postgres"), "-D", str(self._data)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **server_user(),
            )

    def kill(self) -> None:
        """End all of its processes at once, as a crash of its host would."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        children = server.children(recursive=True)
        server.suspend()
        for process in (*children, server):
            process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it, and remove all that it had."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder)

    def url(self, database: str, *, user: str = "maxbot", port: int | None = None, options: str = "") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}{options}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        self._databases += 1
        name = f"bot{self._databases}"
        with self.connected() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    @contextmanager
    def connected(self, database: str = "postgres") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """Give a connection whose statements are transactions of their own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    def cut(self, database: str) -> None:
        """End all connections to a database."""
        with self.connected() as connection:
            ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(ends, [database])


_shared: list[PostgreSQLServer] = []


def shared_server() -> PostgreSQLServer:
    """Return the server that all tests of a run share; each has a database of its own in it."""
    if not _shared:
        _shared.append(PostgreSQLServer())
    return _shared[0]


def stop_shared_server() -> None:
    """End it, where a test has started it."""
    while _shared:
        _shared.pop().stop()
