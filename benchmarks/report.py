"""Turns rounds into one table: medians of the rounds, and the ratios that carry over to other machines."""

import datetime
import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measure import FIXED_RATE, Round
from benchmarks.systems import System

MB = 1e6

Results = dict[str, list[Round]]
"""Rounds by the system's name."""


def processor() -> str:
    """Return what the machine calls its processor."""
    return next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )


def machine() -> str:
    """Say on what, when and with which releases the figures were taken."""
    releases = ", ".join(f"{name} {version(name)}" for name in ("aiogram", "aiohttp", "uvicorn", "uvloop"))
    kernel = platform.release().split("-")[0]
    return (
        f"{datetime.date.today():%d %B %Y}; {len(os.sched_getaffinity(0))} CPUs ({processor()}), Linux {kernel}, "
        f"Python {platform.python_version()}, {releases}"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not exceeded by `share` of all."""
    return sorted(values)[max(0, min(len(values), round(share * len(values))) - 1)]


def table(systems: Sequence[System], results: Results) -> str:
    """Return the Markdown table, a line for each system."""
    lines = [
        "| system | | CPU per message | at 400/s | messages/s | of one user | acknowledgement p50 / p99 "
        "| reply p50 / p99 | at 400/s | ready after | memory of a worker |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for system in systems:
        rounds = results.get(system.name)
        if not rounds:
            continue
        reply = _latency([r.reply for r in rounds]) if system.replies else "–"
        cells = [
            system.name,
            system.about,
            f"{median(r.cpu_per_message for r in rounds) * 1e6:,.0f} µs",
            f"{median(r.cpu_per_message_at_fixed for r in rounds) * 1e6:,.0f} µs",
            f"{median(r.rate for r in rounds):,.0f}",
            _single_user(rounds),
            _latency([r.acknowledgement for r in rounds]),
            reply,
            _latency([r.reply_at_fixed for r in rounds]) if system.replies else "–",
            f"{median(r.start_up for r in rounds):.2f} s",
            f"{median(max(r.memory) for r in rounds) / MB:.0f} MB",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _single_user(rounds: Sequence[Round]) -> str:
    rates = [r.single_user_rate for r in rounds if r.single_user_rate is not None]
    return f"{median(rates):,.0f}" if rates else "–"


def _latency(rounds: list[list[float]]) -> str:
    half, most = (median(percentile(values, share) for values in rounds) * 1e3 for share in (0.5, 0.99))
    return f"{half:.1f} / {most:.1f} ms"


def goals(results: Results) -> tuple[str, bool]:
    """Return the goals with what was measured as a Markdown list, and whether all that could be judged were reached."""
    lines: list[str] = []
    good = True

    def goal(text: str, value: float | None, limit: float, unit: str = "") -> None:
        nonlocal good
        if value is None:
            lines.append(f"- {text}: not measured (goal: at most {limit:g}{unit})")
            return
        good = good and value <= limit
        verdict = "reached" if value <= limit else "MISSED"
        lines.append(f"- {text}: {value:.2f}{unit} (goal: at most {limit:g}{unit}, {verdict})")

    one, two = results.get("maxbot, 1 worker", []), results.get("maxbot, 2 workers", [])
    for name, highest, fixed in (("aiogram on uvloop", 0.18, 0.60), ("grammY", 0.60, 1.3)):
        theirs = results.get(name, [])
        goal(f"CPU per message, 1 worker to {name}", _ratio(one, theirs, _highest), highest)
        goal(f"CPU per message at {FIXED_RATE:.0f}/s, 1 worker to {name}", _ratio(one, theirs, _fixed), fixed)
    goal("CPU per message, 2 workers to 1", _ratio(two, one, _highest), 1.06)
    for name, highest, fixed in (("PostgreSQL", 1.3, 1.5), ("MariaDB", 1.5, 2.5)):
        there = results.get(f"maxbot on {name}", [])
        goal(f"CPU per message of the bot's processes, {name} to SQLite", _ratio(there, one, _highest), highest)
        goal(f"the same at {FIXED_RATE:.0f}/s", _ratio(there, one, _fixed), fixed)
    slowest = _median([r.single_user_rate for r in one if r.single_user_rate])
    goal("milliseconds per message of one single user", None if slowest is None else 1e3 / slowest, 1 / 1.2, " ms")
    goal("ready with 2 workers", _median([r.start_up for r in two]), 0.6, " s")
    goal("memory of a worker, of 2", _median([max(r.memory) / MB for r in two]), 42, " MB")
    for name, rounds in (("1 worker", one), ("2 workers", two)):
        goal(f"reply p50 at half load, {name}", _median([percentile(r.reply, 0.50) * 1e3 for r in rounds]), 2.5, " ms")
        goal(f"reply p99 at half load, {name}", _median([percentile(r.reply, 0.99) * 1e3 for r in rounds]), 12, " ms")
    return "\n".join(lines), good


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _highest(one: Round) -> float:
    return one.cpu_per_message


def _fixed(one: Round) -> float:
    return one.cpu_per_message_at_fixed


def _ratio(ours: Sequence[Round], theirs: Sequence[Round], cost: Callable[[Round], float]) -> float | None:
    """Median of the ratios of each round: what ran side by side is compared."""
    return _median([cost(a) / cost(b) for a, b in zip(ours, theirs, strict=False)])


def spread(systems: Sequence[System], results: Results) -> str:
    """Return, for whoever doubts the medians: each round's CPU per message, and what the helpers used."""
    lines = []
    for system in systems:
        if rounds := results.get(system.name):
            cpu = ", ".join(f"{r.cpu_per_message * 1e6:.0f}" for r in rounds)
            half = ", ".join(f"{r.cpu_per_message_at_half * 1e6:.0f}" for r in rounds)
            helpers = median(r.helpers for r in rounds) * 1e6
            late = max(r.late for r in rounds) * 1e3
            lines.append(
                f"- {system.name}: {cpu} µs at the highest load, {half} µs at half of it, "
                f"{rounds[0].messages:,} messages; load generator and stand-in {helpers:.0f} µs, "
                f"at worst {late:.0f} ms behind in the open loop"
            )
    return "\n".join(lines)
