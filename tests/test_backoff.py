"""Pauses double up to their limit, and no two who failed together come back together."""

from maxbot.backoff import backoff


def test_pauses_double_up_to_the_limit() -> None:
    for attempts, expected in ((1, 0.5), (2, 1.0), (5, 8.0), (8, 60.0), (10_000, 60.0)):
        pauses = [backoff(attempts, first=0.5, longest=60.0) for _ in range(200)]
        assert 0.75 * expected <= min(pauses) < max(pauses) <= 1.25 * expected
        assert len(set(pauses)) > 100, "jitter"
