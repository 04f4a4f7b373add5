"""How the server behaves under signals, kills and hangs: `python -m benchmarks.supervision` prints a table.

Two workers on 127.0.0.1, defaults. The server leads a process group of its own, as in a terminal: Ctrl-C is SIGINT to
the whole group. In flight is one request that takes 3 seconds without blocking. A hang is a main process that lives
12 seconds after its signal. Replaced: two workers answer, and the one that ended is not among them. SIGHUP comes three
times, 5 seconds apart, while four clients deliver on connections that stay open. Takes about five minutes.
"""

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.server.clients import Load, fetch, lines, say, serve, starts
from tests.support.processes import Server, eventually

Measurement = Callable[[Path], str]


def pids(server: Server) -> set[int]:
    """Return who answers, from a few requests."""
    return {int(pid) for pid in (fetch(server.port, "/probe/pid", timeout=1) for _ in range(10)) if pid}


def both_workers(server: Server) -> set[int]:
    """Wait until two workers answer, and return their process ids."""
    found: set[int] = set()
    while len(found) < 2:
        found |= pids(server)
    return found


def in_flight(folder: Path, stop: Callable[[Server], None]) -> bool:
    """Whether a request of 3 seconds is answered when the server is stopped half a second after its start."""
    with serve(folder) as server:
        both_workers(server)
        answers: list[str | None] = []
        request = threading.Thread(target=lambda: answers.append(fetch(server.port, "/probe/slow/3")))
        request.start()
        time.sleep(0.5)
        stop(server)
        request.join()
        return answers[0] is not None and server.wait() == 0


def several(folder: Path, count: int, stop: Callable[[Server], None]) -> str:
    answered = sum(in_flight(folder, stop) for _ in range(count))
    return f"answered {answered} of {count}"


def sigterm_in_flight(folder: Path) -> str:
    return several(folder, 4, lambda server: server.signal(signal.SIGTERM))


def ctrl_c_in_flight(folder: Path) -> str:
    return several(folder, 4, lambda server: server.signal_group(signal.SIGINT))


def second_ctrl_c(folder: Path) -> str:
    with serve(folder) as server:
        both_workers(server)
        request = threading.Thread(target=fetch, args=(server.port, "/probe/slow/60", 70))
        request.start()
        time.sleep(0.5)
        server.signal_group(signal.SIGINT)
        time.sleep(1.0)
        assert server.returncode is None
        began = time.monotonic()
        server.signal_group(signal.SIGINT)
        server.wait()
        took = time.monotonic() - began
        request.join()
        return f"{took:.1f} s"


def signals_at_the_start(folder: Path) -> str:
    hangs = tracebacks = others = 0
    for trial in range(60):
        server = serve(folder / str(trial))
        (folder / str(trial)).mkdir()
        server.start()
        # From 0.1 s on: before, the interpreter itself has not come to the first line of ours.
        time.sleep(0.1 + 1.9 * trial / 60)
        server.signal_group(signal.SIGINT) if trial % 2 else server.signal(signal.SIGTERM)
        try:
            others += server.wait(12) != 0
        except AssertionError:
            hangs += 1
        tracebacks += "Traceback" in server.log
        server._end()
    return f"{hangs} of 60 hang, {tracebacks} with a traceback, {others} with a status other than 0"


def killed_worker(folder: Path) -> str:
    with serve(folder) as server:
        victim = both_workers(server).pop()
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        while len(answering := both_workers(server) - {victim}) < 2 and time.monotonic() < began + 60:
            pass
        return f"replaced {time.monotonic() - began:.1f} s" if len(answering) == 2 else "not replaced"


def killed_main(folder: Path) -> str:
    server = serve(folder)
    server.start()
    try:
        server.wait_ready()
        both_workers(server)
        began = time.monotonic()
        server.kill()
        while server.left_over() and time.monotonic() < began + 10:
            time.sleep(0.01)
        return "**workers serve on**" if server.left_over() else f"workers gone after {time.monotonic() - began:.2f} s"
    finally:
        server._end()


def blocked_loop(folder: Path) -> str:
    with serve(folder) as server:
        before = both_workers(server)
        request = threading.Thread(target=fetch, args=(server.port, "/probe/block/300", 90))
        began = time.monotonic()
        request.start()
        time.sleep(0.5)
        failed = sum(fetch(server.port, "/probe/pid", timeout=2) is None for _ in range(20))
        eventually(lambda: len({worker.pid for worker in server.workers()} - before) == 1, 80)
        eventually(lambda: len(pids(server)) == 2, 20)
        took = time.monotonic() - began
        request.join()
        return f"replaced {took:.1f} s; {failed} of 20 new requests fail"


def fails_at_import(folder: Path) -> str:
    (folder / "broken").write_text("broken")
    server = serve(folder, PROBE_BROKEN=folder / "broken")
    began = time.monotonic()
    server.start()
    try:
        status = server.wait(15)
        return f"exit {status} after {starts(folder)} starts, {time.monotonic() - began:.1f} s"
    except AssertionError:
        return f"**{starts(folder)} starts in 15 s**"
    finally:
        server._end()


def sighup_under_load(folder: Path) -> str:
    with serve(folder) as server:
        both_workers(server)
        with Load(server.port, connections=4, rate=80, go_on=True) as load:
            for _ in range(3):
                server.signal(signal.SIGHUP)
                time.sleep(5)
        return f"{load.outcomes['200']:,} of {sum(load.outcomes.values()):,}"


def half_a_header(folder: Path) -> str:
    with serve(folder) as server, socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
        began = time.monotonic()
        client.sendall(b"GET /probe/pid HTTP/1.1\r\nHost: loc")
        try:
            client.recv(1)
        except TimeoutError:
            return "**open over 120 s**"
        except ConnectionError:
            pass
        return f"closed {time.monotonic() - began:.0f} s"


class Replies(threading.Thread):
    """Notes when each reply of the probe bot came.

    Args:
        file: Where the bot writes them.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self.at: dict[str, float] = {}
        self.over = threading.Event()
        self._file = file

    def run(self) -> None:
        read = 0
        while not self.over.wait(0.005):
            found = lines(self._file) if self._file.exists() and self._file.stat().st_size > read else []
            if found:
                read = self._file.stat().st_size
            for line in found:
                self.at.setdefault(line, time.monotonic())


def poison(folder: Path) -> str:
    """Six messages in a minute that end the worker, beside 100 messages a second of 50 others."""
    replies = Replies(folder / "sent")
    replies.start()
    with serve(folder) as server, Load(server.port, connections=50, rate=100, go_on=True) as load:
        for number in range(6):
            time.sleep(10)
            eventually(lambda number=number: say(server.port, "poison", "exit", f"poison {number}") == 200)  # type: ignore[misc]
        time.sleep(5)
        load.stop()
        eventually(lambda: set(load.accepted) <= replies.at.keys(), 30)
        replies.over.set()
        server.stop()
    took = sorted(replies.at[text] - load.began[text] for text in load.accepted)
    p99 = took[int(len(took) * 0.99)]
    cut = load.outcomes["reset"] + load.outcomes["unheard"]
    letters = server.log.partition(" dead letters are in")[0].rpartition(" ")[2]
    return (
        f"{letters} dead letters; of {len(took):,} others {cut} cut off and delivered again, slowest answer "
        f"{load.slowest:.1f} s; replies p99 {p99:.2f} s, longest {took[-1]:.2f} s"
    )


LINES: dict[str, Measurement] = {
    "SIGTERM to the main process, request in flight": sigterm_in_flight,
    "Ctrl-C (whole group), in flight": ctrl_c_in_flight,
    "second Ctrl-C, request of 60 s": second_ctrl_c,
    "signal in the first 2 s after the start": signals_at_the_start,
    "worker `kill -9`": killed_worker,
    "main `kill -9`, after 10 s": killed_main,
    "event loop blocked": blocked_loop,
    "6 messages that end the worker, in a minute": poison,
    "worker fails at import": fails_at_import,
    "SIGHUP ×3 under load": sighup_under_load,
    "half a request header": half_a_header,
}


def main() -> None:
    """Print the table, or those lines of it that have a word of the command line in their names."""
    print("| | maxbot |\n| --- | --- |")
    for name, measure in LINES.items():
        if not all(word in name for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = measure(Path(folder))
            except AssertionError as error:  # what the others' lines say of themselves, this one says too
                print(error, file=sys.stderr)
                result = "**failed**"
        print(f"| {name} | {result} |", flush=True)


if __name__ == "__main__":
    main()
