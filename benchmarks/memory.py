"""`python -m benchmarks.memory`: does memory depend on the users active now, or on all users ever seen?

100,000 users write two messages each, 10,000 users at a time. After the last ones the workers may have at most a tenth
more memory than after the first ones.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Bench
from benchmarks.report import MB, machine
from benchmarks.systems import systems
from tests.support.telegram import TelegramStandIn

ALLOWED = 1.1


def main() -> None:
    everything = {system.name: system for system in systems() if system.replies}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--system", choices=sorted(everything), default="maxbot, 2 workers")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=10, help="the users come in as many groups, one after another")
    arguments = parser.parse_args()
    group = arguments.users // arguments.steps

    print(f"{machine()}. {arguments.system}, {group:,} users at a time, two messages each.\n")
    print("| users seen | messages | memory of the workers | of all processes |\n|--:|--:|--:|--:|")
    sizes: list[int] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, TelegramStandIn() as api:
        system = everything[arguments.system]
        server = system.server(api.url, Path(folder))
        with server:
            bench = Bench(system, server, api)
            for step in range(arguments.steps):
                bench.deliver(2, chats=group, first_chat=1 + step * group)
                memory = server.pss()
                workers = [worker.pid for worker in server.workers()] or [server.pid]
                sizes.append(sum(memory[pid] for pid in workers))
                users = (step + 1) * group
                whole = sum(memory.values())
                print(f"| {users:,} | {2 * users:,} | {sizes[-1] / MB:.1f} MB | {whole / MB:.1f} MB |", flush=True)
    growth = sizes[-1] / sizes[0]
    reached = "reached" if growth <= ALLOWED else "MISSED"
    print(f"\nThe last is {growth:.2f} times the first (goal: at most {ALLOWED}, {reached}).")
    sys.exit(0 if growth <= ALLOWED else 1)


if __name__ == "__main__":
    main()
