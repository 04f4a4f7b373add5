"""`python -m benchmarks`: measure everything in one run, and print the table with its ratios."""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.report import Results, goals, machine, spread, table
from benchmarks.systems import systems

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    everything = systems()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works")
    parser.add_argument("--rounds", type=int, help="default 3; each runs all systems once")
    parser.add_argument("--seconds", type=float, help="default 6; at the highest load, and again at half of it")
    parser.add_argument("--only", action="append", metavar="NAME", help="systems whose name begins so; may be repeated")
    parser.add_argument("--readme", action="store_true", help="put the result into benchmarks/README.md")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    seconds = arguments.seconds or (2.0 if arguments.quick else 6.0)
    chosen = [s for s in everything if not arguments.only or s.name.startswith(tuple(arguments.only))]

    before = os.getloadavg()[0]
    results: Results = {}
    for number in range(1, rounds + 1):
        for system in chosen:
            print(f"round {number} of {rounds}: {system.name}", file=sys.stderr, flush=True)
            results.setdefault(system.name, []).append(measure(system, seconds))

    goal_lines, good = goals(results)
    heading = (
        f"{machine()}. Medians of {rounds} round{'s' if rounds > 1 else ''}. "
        f"Load average before the first: {before:.1f} (a quiet machine has below 0.3)."
    )
    text = "\n\n".join([heading, table(chosen, results), goal_lines, spread(chosen, results)])
    print(text)
    if arguments.readme:
        start, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{start}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
