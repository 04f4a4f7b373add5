"""How much a set-up carries: a small model of where the CPU goes, which reproduces what was measured.

`python -m benchmarks.scale_model` prints what was measured beside what the model says, and then what it takes to carry
a load. One turn is: a webhook accepted, the dialog loaded, the bot run, the reply committed and sent.

A turn costs a worker its HTTP (webhook in, call out), the bot, and its part of a transaction. The transactions of a
busy worker gather: with k turns in one, its fixed cost is divided by k. Each worker ends a transaction at most every
PACE seconds, so k grows with its load by itself: few busy workers spare the database, many idle ones do not.
"""

from dataclasses import dataclass
from math import ceil

PACE = 0.005
"""Seconds between two transactions of a busy worker with a database on a server."""

LARGEST = 50
"""Turns in a transaction, beyond which nothing is gained that was measured."""

BUSY = 0.6
"""Part of a CPU that is planned with: the rest is for bursts, restarts and a host that is gone."""

HTTP_AND_BOT = 310.0
"""µs of a turn in a worker besides the database, of an echo bot with a Jinja template: the 375 µs of README.md's two
workers, less the 55 to 73 µs of SQLite's statements at 16 turns a transaction."""


@dataclass(frozen=True)
class Cost:
    """CPU of a turn's database work: `fixed` of each transaction and `each` of each turn, in µs."""

    fixed: float
    each: float

    def at(self, k: float) -> float:
        """Return the µs of one turn where k of them share a transaction."""
        return self.fixed / k + self.each


@dataclass(frozen=True)
class Measured:
    """A figure, with where it comes from."""

    what: str
    k: int
    microseconds: tuple[float, float]
    """Lowest and highest of what was seen."""


CLIENT = Cost(fixed=165.0, each=15.0)
"""Of a worker with PostgreSQL through libpq's pipeline."""

SERVER = Cost(fixed=920.0, each=88.0)
"""Of PostgreSQL itself, commits durable on disk."""

CLIENT_MEASURED = (
    Measured("worker", 1, (128, 233)),
    Measured("worker", 4, (61, 75)),
    Measured("worker", 16, (27, 28)),
    Measured("worker", 50, (17, 19)),
)
SERVER_MEASURED = (
    Measured("PostgreSQL", 1, (1000, 1000)),
    Measured("PostgreSQL", 16, (145, 190)),
    Measured("PostgreSQL", 50, (85, 130)),
)
TOLERANCE = 0.15
"""How far the model may be from the nearer end of what was measured, as part of it."""

ONE_DATABASE = 10_000
"""Turns a second measured with worker and PostgreSQL on the same two CPUs, k=50."""


def gathered(turns: float, workers: int) -> float:
    """Return how many turns share a transaction where so many a second are spread over workers."""
    return min(max(turns / workers * PACE, 1.0), LARGEST)


def off(cost: Cost, measured: Measured) -> float:
    """Return how far the model is from what was measured, as part of that; 0 inside of its range."""
    low, high = measured.microseconds
    said = cost.at(measured.k)
    return max(low - said, said - high, 0.0) / (low if said < low else high)


@dataclass(frozen=True)
class SetUp:
    """What it takes to carry a load."""

    turns: float
    """A second."""
    cells: int
    """Databases, each with hosts of its own."""
    workers: int
    """Of all cells, one CPU each."""
    database_cpus: float
    """Busy in each cell's database."""
    gathered: float
    """Turns in a transaction."""


def carry(turns: float, *, bot: float = HTTP_AND_BOT, of_a_cell: float = ONE_DATABASE) -> SetUp:
    """Return a set-up for a load.

    Args:
        turns: A second.
        bot: µs of CPU that a turn takes besides the database.
        of_a_cell: Turns a second that are planned for one database.
    """
    cells = ceil(turns / of_a_cell)
    share = turns / cells
    workers = 1
    while True:
        k = gathered(share, workers)
        if share / workers * (bot + CLIENT.at(k)) / 1e6 <= BUSY:
            break
        workers += 1
    return SetUp(turns, cells, workers * cells, share * SERVER.at(k) / 1e6, k)


def lost(turns: float, behind: float) -> float:
    """Return how many acknowledged messages a failover to an asynchronous standby loses.

    Args:
        turns: A second.
        behind: Seconds by which the standby is behind.
    """
    return turns * behind


def report() -> str:
    """Return the tables."""
    lines = ["| µs a turn | k | measured | model | off |", "|---|--:|--:|--:|--:|"]
    for cost, points in ((CLIENT, CLIENT_MEASURED), (SERVER, SERVER_MEASURED)):
        for point in points:
            low, high = point.microseconds
            said = f"{low:,.0f}–{high:,.0f} | {cost.at(point.k):,.0f} | {off(cost, point):.0%}"
            lines.append(f"| {point.what} | {point.k} | {said} |")
    lines += ["", "| messages/s | cells | workers in all | CPUs of each database | k |", "|--:|--:|--:|--:|--:|"]
    for turns in (100, 1_000, 5_000, 10_000, 20_000, 50_000):
        setup = carry(turns)
        lines.append(
            f"| {turns:,} | {setup.cells} | {setup.workers} | {setup.database_cpus:.1f} | {setup.gathered:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
