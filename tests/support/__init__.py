"""What tests and benchmarks stand on: a stand-in of Telegram, the load it delivers, the judge of what came of it.

records.py     the values that travel between them: what was delivered, what was called
faults.py      which calls of the stand-in fail, and how: seeded, or scripted
telegram.py    the stand-in of the Bot API, a process of its own
load.py        the platform's side of the webhook: deliveries, redeliveries, disorder; a process of its own
simulation/    what the engine is simulated with, in engine.py
history.py     decides from both records alone whether the promises were kept
processes.py   starts, watches and ends the real command

Nothing here knows the inside of maxbot. What a test does with all that stays in the test.
"""

import os

FULL = bool(os.environ.get("MAXBOT_TEST_FULL"))
"""Whether fault tests run with the counts of a release, which takes hours, rather than with those of every change."""


def examples(count: int) -> int:
    """Return how many examples a property is tried with, of a count for every change."""
    return count * 20 if FULL else count
