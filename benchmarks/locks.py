"""What a user lock costs: `python -m benchmarks.locks` prints CPU time per acquire and release.

`one by one` is one task in each worker, which waits for every answer; `50 at a time` is that many tasks, each with a
dialog of its own, as a busy worker has them: what they send and receive then shares system calls. For the locks of the
supervisor the CPU time is that of all processes, the supervisor's included, and its system calls too.
"""

import asyncio
import gc
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process

import uvloop

from maxbot.locks import UserLocks
from maxbot.locks.host import UnixLocks
from maxbot.locks.memory import MemoryLocks
from maxbot.locks.server import LockServer
from maxbot.types import Dialog

ROUNDS = 20_000
"""Acquire and release, in each worker."""


async def measure(locks: UserLocks, tasks: int, name: str) -> float:
    """Return the seconds of CPU time that this process spends on `ROUNDS` rounds in so many tasks."""

    async def rounds(dialog: Dialog) -> None:
        for _ in range(ROUNDS // tasks):
            async with locks(dialog):
                pass

    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(rounds(Dialog(name, str(number))) for number in range(tasks)))
    return time.process_time() - began


async def worker(fd: int, tasks: int) -> None:
    locks = UnixLocks(socket.socket(fileno=fd))
    await locks.start()
    print(await measure(locks, tasks, f"telegram{fd}"), flush=True)
    await locks.close()


async def memory(tasks: int) -> float:
    return await measure(MemoryLocks(), tasks, "telegram")


async def unix(tasks: int, workers: int) -> float:
    server = LockServer()
    processes: list[Process] = []
    for number in range(workers):
        ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            command = (sys.executable, "-m", "benchmarks.locks", "worker", str(fd), str(tasks))
            processes.append(await asyncio.create_subprocess_exec(*command, pass_fds=[fd], stdout=PIPE))
        await server.serve(ours, f"worker {number}")
    began = time.process_time()
    printed = [await process.communicate() for process in processes]
    served = time.process_time() - began
    return (served + sum(float(output) for output, _ in printed)) / workers


def main() -> None:
    print(f"CPU time per acquire and release, {ROUNDS:,} in each worker, Python {sys.version.split()[0]}, uvloop\n")
    print(f"{'locks':<34}{'one by one':>14}{'50 at a time':>14}")
    for name, run in (
        ("memory", memory),
        ("supervisor, 1 worker", lambda tasks: unix(tasks, 1)),
        ("supervisor, 2 workers", lambda tasks: unix(tasks, 2)),
    ):
        figures = [uvloop.run(run(tasks)) / ROUNDS * 1e6 for tasks in (1, 50)]
        print(f"{name:<34}" + "".join(f"{figure:>11.1f} µs" for figure in figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        uvloop.run(worker(int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
