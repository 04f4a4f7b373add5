"""All tests, in three parts side by side: those of faults, which mostly wait, in two; all others in the third.

What the others say is seen at once; what the fault tests say is shown below it, when they are done. Each part may fail
the run. Ctrl-C or SIGTERM ends all, and the servers that they started. `scripts/test` runs this where it has no
arguments.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

HALF = [str(file) for file in sorted(Path("tests/e2e").glob("test_*.py"))[::2]]
"""Files whose fault tests take about half of the time of all: every second one, whichever there are."""


@contextmanager
def pytest(*options: str, output: IO[bytes] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the tests that pytest's options name. In the end they are interrupted, if they still run, and gone.

    Args:
        options: Besides those that all parts have.
        output: Gets what they say, instead of the terminal.
    """
    command = [sys.executable, "-m", "pytest", "--durations=25", *options]
    # In a session of its own: a Ctrl-C comes once, from here.
    process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait()


@contextmanager
def shown_below() -> Iterator[IO[bytes]]:
    """Give a file, and show what is in it in the end."""
    with tempfile.TemporaryFile() as output:
        try:
            yield output
        finally:
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)


def run() -> int:
    """Run all, and return the exit status: 0 when all parts are well."""
    with ExitStack() as stack:
        outputs = [stack.enter_context(shown_below()) for _ in range(2)]
        faults = ["-m", "faults"]
        parts = [
            stack.enter_context(pytest(*faults, *HALF, output=outputs[1])),
            stack.enter_context(pytest(*faults, *(f"--ignore={file}" for file in HALF), output=outputs[0])),
            stack.enter_context(pytest("-m", "not faults")),
        ]
        return max(abs(part.wait()) for part in reversed(parts))


def interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for signum in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: it may have been ignored, which children inherit
        signal.signal(signum, interrupt)
    try:
        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(130)
