"""All tests: those of faults, which mostly wait, beside all others. `scripts/test` runs it where it has no arguments.

What the others say is seen at once; what the fault tests say is shown below it, when they are done. Either may fail the
run. Ctrl-C or SIGTERM ends both, and the servers that they started.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO


@contextmanager
def pytest(marked: str, output: IO[bytes] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the tests that are marked so. In the end they are interrupted, if they still run, and gone.

    Args:
        marked: As pytest's option `-m` takes it.
        output: Gets what they say, instead of the terminal.
    """
    command = [sys.executable, "-m", "pytest", "--durations=25", "-m", marked]
    # In a session of its own: a Ctrl-C comes once, from here.
    process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait()


def run() -> int:
    """Run all, and return the exit status: 0 when both parts are well."""
    with tempfile.TemporaryFile() as output:
        try:
            with pytest("faults", output) as faults, pytest("not faults") as others:
                return abs(others.wait()) or abs(faults.wait())
        finally:
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)


def interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for signum in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: it may have been ignored, which children inherit
        signal.signal(signum, interrupt)
    try:
        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(130)
