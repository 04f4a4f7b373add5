"""A private MariaDB: a free port, a fresh directory, gone afterwards. It may be killed; nobody else's is touched."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import MySQLdb

from tests.support.processes import free_port

LOCKED = "locked"
"""A user who needs a password."""
PASSWORD = "s3cret of the database/?@"
POWERLESS = "powerless"
"""A user who may connect, and no more."""

# Nothing waits for the disk: all of it survives the kill of any process, and a test cuts no power.
_SETTINGS = {
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-doublewrite": "0",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "16M",
    "max-connections": "200",
    "performance-schema": "0",
    # As on many servers: what is not said when tables are made must not be left to it.
    "character-set-server": "latin1",
}


def program(*names: str) -> str:
    """Return where one of the server's programs is.

    Raises:
        RuntimeError: There is none; `scripts/install` says or does what is needed.
    """
    for name in names:
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
            return found
    raise RuntimeError("The tests need MariaDB's server: scripts/install installs it, or says how")


def _who() -> dict[str, Any]:
    """Return who runs the server: not root."""
    if os.geteuid():
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid}


class MariaDBServer:
    """A server of one's own.

    Args:
        files: Put into its directory.
        settings: Added to those that all have, in the words of its command line.
    """

    def __init__(self, files: dict[str, bytes] | None = None, **settings: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="maxbot-mariadb-", dir="/tmp"))
        self.socket = self.folder / "socket"
        self._settings = {**_SETTINGS, **{name.replace("_", "-"): value for name, value in settings.items()}}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._make(files or {})

    def _make(self, files: dict[str, bytes]) -> None:
        if who := _who():
            os.chown(self.folder, who["user"], who["group"])
        made = subprocess.run(
            [
                program("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--datadir={self.folder / 'data'}",
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **_who(),
        )
        assert made.returncode == 0, made.stdout + made.stderr
        for name, content in files.items():
            (self.folder / "data" / name).write_bytes(content)
        self.start()
        with self.connected("mysql") as cursor:
            for user, secret in (("maxbot", ""), (LOCKED, PASSWORD), (POWERLESS, "")):
                cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (user, secret))
            for user in ("maxbot", LOCKED):
                cursor.execute("GRANT ALL ON *.* TO %s@'127.0.0.1'", (user,))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + 60
        self._process = self._launch()
        while True:
            try:
                with self.connected("mysql"):
                    return
            except MySQLdb.OperationalError:
                if self._process.poll() is not None:  # what was killed may still hold its files for a moment
                    self._process = self._launch()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)

    def _launch(self) -> "subprocess.Popen[bytes]":
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [
            program("mariadbd", "mysqld"),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            *options,
        ]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **_who())

    def kill(self) -> None:
        """End it at once, as a crash of its host would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it say nothing, as a network that went silent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it, and remove all that it had."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder)

    def url(
        self, database: str, *, user: str = "maxbot", port: int | None = None, scheme: str = "mysql", options: str = ""
    ) -> str:
        """Return the URL of one of its databases."""
        return f"{scheme}://{user}@127.0.0.1:{port or self.port}/{database}{options}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        self._databases += 1
        name = f"bot{self._databases}"
        with self.connected("mysql") as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return name

    @contextmanager
    def connected(self, database: str) -> Iterator[Any]:
        """Give a cursor whose statements are transactions of their own."""
        connection = MySQLdb.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def cut(self, database: str) -> None:
        """End all connections to a database."""
        with self.connected("information_schema") as cursor:
            cursor.execute("SELECT id FROM processlist WHERE db = %s", (database,))
            for (number,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {number}")
                except MySQLdb.OperationalError:  # it has just ended
                    continue


_shared: list[MariaDBServer] = []


def shared_server() -> MariaDBServer:
    """Return the server that all tests of a run share; each has a database of its own in it."""
    if not _shared:
        _shared.append(MariaDBServer())
    return _shared[0]


def stop_shared_server() -> None:
    """End it, where a test has started it."""
    while _shared:
        _shared.pop().stop()
