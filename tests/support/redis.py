"""A private Redis: a free port, nothing on disk, gone afterwards. It may be killed; nobody else's is touched."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.support.processes import eventually, free_port

PASSWORD = "s3cret of Redis/?@"


class RedisServer:
    """A server of one's own.

    Args:
        options: Added to its command line, each a name with its value.
    """

    def __init__(self, **options: str) -> None:
        program = shutil.which("redis-server")
        assert program, "The tests need Redis: scripts/install installs it, or says how"
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="maxbot-redis-")
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        for name, value in options.items():
            self._command += [f"--{name}", value]
        self._password = options.get("requirepass")
        self.start()

    @property
    def url(self) -> str:
        """As `--user-locks` takes it, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "Redis":
        """Return a connection for a look from outside."""
        return Redis(port=self.port, password=self._password)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=subprocess.DEVNULL)
        eventually(self._answers)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def kill(self) -> None:
        """`kill -9`: what it had is gone with it."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """A network that is silent looks like this."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and remove all that it had."""
        self.kill()
        shutil.rmtree(Path(self._folder))
