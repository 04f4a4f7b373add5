"""Updates to accept."""

from maxbot.types import Dialog, Update


def updates(first: int, count: int) -> list[Update]:
    """Return an update each of several users, who are numbered from `first`."""
    return [Update(Dialog("test", f"{n:04}"), str(n), {"text": "hi"}) for n in range(first, first + count)]
