"""Plant each bug.

`python -m tests.planted [NAME ...]` plants each bug (or the named ones) in a copy of the tree, runs its test there, and
ends with status 1 if a test stays green. Not part of the ordinary run, which only sees that each bug can be planted.
"""

import sys
import time

from tests.planted import BUGS
from tests.planted.bug import is_caught


def main() -> None:
    """Plant the bugs named on the command line, or all."""
    names = sys.argv[1:]
    if unknown := set(names) - {bug.name for bug in BUGS}:
        raise SystemExit(f"no such bug: {', '.join(sorted(unknown))}")
    survivors = []
    for bug in BUGS:
        if names and bug.name not in names:
            continue
        started = time.monotonic()
        caught = is_caught(bug)
        print(f"{'caught' if caught else 'SURVIVED'}  {bug.name}  ({time.monotonic() - started:.0f} s): {bug.breaks}")
        if not caught:
            survivors.append(bug.name)
    if survivors:
        raise SystemExit(f"not caught: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
