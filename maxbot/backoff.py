"""How long to wait before the next attempt."""

import random


def backoff(attempts: int, *, first: float, longest: float) -> float:
    """Return how long to wait, in seconds: doubling, with jitter so that many do not march in step.

    Args:
        attempts: How many failed, from 1.
        first: About how long to wait after the first, in seconds.
        longest: The limit, in seconds, to which the jitter adds or from which it takes a quarter at most.
    """
    return min(first * 2.0 ** min(attempts - 1, 30), longest) * random.uniform(0.75, 1.25)
