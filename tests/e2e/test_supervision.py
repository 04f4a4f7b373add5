"""Workers die, hang, are paused and replaced; their supervisor dies: somebody always serves, and nobody is left over.

With MAXBOT_TEST_FULL=1 the counts are those of a release; else a part of them, which is a smoke test.
"""

import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.e2e.support import counter
from tests.server.clients import Load, fetch, lines, say, serve, starts
from tests.support import FULL
from tests.support.processes import PATIENCE, ROOT, Server, eventually, free_port, get

pytestmark = pytest.mark.faults


def pids(server: Server) -> set[int]:
    """Return the process ids of the workers that answer, from a few requests."""
    found = {fetch(server.port, "/probe/pid", timeout=2) for _ in range(20)}
    return {int(pid) for pid in found if pid}


def worker_pids(server: Server) -> set[int]:
    """Return the process ids of the workers that live, in whatever state they are."""
    return {child.pid for child in server.workers() if "maxbot.server.worker" in command(child)}


def command(process: psutil.Process) -> list[str]:
    """Return the command line of a process; nothing of one that is about to be gone."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def wait_for_a_worker(server: Server) -> None:
    eventually(server.workers, pause=0.001)


def wait_for_log(server: Server, text: str, count: int) -> None:
    eventually(lambda: server.log.count(text) == count)


def wait_until_gone(server: Server, gone: set[int]) -> None:
    """Wait until others than these are the workers."""
    eventually(lambda: (now := worker_pids(server)) and not now & gone)


def the_only_worker(server: Server) -> psutil.Process:
    """Wait until one worker lives, and return it."""
    (worker,) = eventually(lambda: found if len(found := server.workers()) == 1 else [])
    return worker


def wait_for_two_others(server: Server, *gone: int) -> None:
    """Wait until two workers answer that are none of these."""
    began = time.monotonic()
    found: set[int] = set()
    while not (len(worker_pids(server)) == 2 and worker_pids(server) <= found and not found & set(gone)):
        assert time.monotonic() - began < PATIENCE, server.log
        found = (found | pids(server)) & worker_pids(server)


# A worker ends ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_worker_is_replaced_at_once_and_the_others_serve(tmp_path: Path) -> None:
    """100 kills in full, 4 else, under load."""
    with serve(tmp_path) as server, Load(server.port, connections=4, rate=100, go_on=True) as load:
        for _ in range(100 if FULL else 4):
            victim = random.choice(sorted(pids(server)))
            os.kill(victim, signal.SIGKILL)
            wait_for_two_others(server, victim)
        load.stop()
        assert load.outcomes["refused"] == 0
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
        # What was on its way when its worker died comes twice, and is counted.
        repeated = len(lines(tmp_path / "sent")) - len(set(lines(tmp_path / "sent")))
        assert repeated <= counter(tmp_path, "uncertain")


def test_a_worker_that_is_told_to_stop_drains_and_is_replaced(tmp_path: Path) -> None:
    """Given two workers under load and a turn of two seconds in each, when one gets a SIGTERM, nobody notices."""
    with serve(tmp_path, PROBE_SLEEP="2") as server, Load(server.port, rate=200) as load:
        wait_for_two_others(server)
        for number in range(8):
            assert say(server.port, f"sleeper{number}", "nap 1") == 200
        worker = server.workers()[0]
        worker.terminate()
        worker.wait(PATIENCE)
        wait_for_two_others(server, worker.pid)
        load.stop()
        assert set(load.outcomes) == {"200"}
        eventually(lambda: sum("nap" in line for line in lines(tmp_path / "sent")) == 8)
        # Each ran once: its worker ended it, and nobody had to take it up.
        assert lines(tmp_path / "turns").count("nap 1") == 8


def test_a_worker_of_two_fails_to_start_and_the_other_serves(tmp_path: Path) -> None:
    """At most 10 starts in 15 seconds (6 else, where 4 are allowed), and the other one answers all the while."""
    with serve(tmp_path, PROBE_ALONE=tmp_path / "alone") as server:
        time.sleep(15 if FULL else 4)
        assert server.returncode is None
        assert len(pids(server)) == 1
        assert starts(tmp_path) <= (10 if FULL else 8)
        eventually(lambda: starts(tmp_path) > 2)
        assert server.log.count("RuntimeError: there can be only one") == 1
        assert say(server.port, "u", "hello") == 200
        # When the one that serves dies, another one takes its place.
        (pid,) = pids(server)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pids(server) and pid not in pids(server))


def test_a_bot_that_fails_at_once_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    """Exit status 1, the reason once, no traceback of ours above it."""
    (tmp_path / "broken").write_text("no such table of prices")
    server = serve(tmp_path, PROBE_BROKEN=tmp_path / "broken")
    server.start()
    assert server.wait() == 1
    assert server.log.count("no such table of prices") == 1, server.log
    assert starts(tmp_path) <= 4
    server.assert_no_traceback()
    server.assert_gone()


def test_a_bot_that_fails_later_never_ends_a_run_that_has_served(tmp_path: Path) -> None:
    """Given a bot that cannot start any more: a replacement keeps the old workers; when all die, they are started
    again and again, and it serves as soon as the mistake is mended."""
    broken = tmp_path / "broken"
    with serve(tmp_path, PROBE_BROKEN=broken) as server:
        wait_for_two_others(server)
        old = worker_pids(server)
        for reason in ("first mistake", "second mistake", "first mistake"):
            broken.write_text(reason)
            before = server.log.count("is not replaced")
            server.signal(signal.SIGHUP)
            wait_for_log(server, "is not replaced", before + 2)
            assert worker_pids(server) == old
        assert "The workers are replaced" not in server.log
        assert say(server.port, "u", "still there") == 200
        # It works again, and what failed once before is said again.
        broken.unlink()
        server.signal(signal.SIGHUP)
        wait_for_two_others(server, *old)
        broken.write_text("second mistake")
        began, before = time.monotonic(), starts(tmp_path)
        for worker in server.workers():
            worker.kill()
        eventually(lambda: starts(tmp_path) >= before + (12 if FULL else 6))
        assert server.returncode is None
        minutes = int((time.monotonic() - began) / 60)
        assert 2 <= server.log.count("second mistake") <= 2 + minutes, "a reason is said once, then every minute"
        broken.unlink()
        began = time.monotonic()
        eventually(lambda: say(server.port, "u", "there again") == 200)
        print(f"served {time.monotonic() - began:.1f} s after the mistake was mended")
        wait_for_two_others(server)


@pytest.mark.parametrize("workers", [1, 2])
def test_many_kills_of_any_worker_end_no_run(tmp_path: Path, workers: int) -> None:
    """Given a server that served, when a worker, starting ones too, is killed about every 0.4 s, it lives, serves soon
    after the last kill, and all that was acknowledged is answered, in order. 10 kills; full: 100."""
    kills = 100 if FULL else 10
    with serve(tmp_path, workers=workers) as server, Load(server.port, connections=4, rate=50, go_on=True) as load:
        for _ in range(kills):
            victim = random.choice(eventually(server.workers))
            with suppress(psutil.NoSuchProcess):
                victim.kill()
            time.sleep(random.uniform(0.3, 0.5))
        began = time.monotonic()
        eventually(lambda: say(server.port, "u", "there again") == 200)
        print(f"served {time.monotonic() - began:.1f} s after the last kill")
        assert server.returncode is None
        eventually(lambda: len(server.workers()) >= workers)
        load.stop()
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
        assert server.log.count("giving up") == 0
    sent = list(dict.fromkeys(lines(tmp_path / "sent")))
    for user in {line.split()[0] for line in load.accepted}:
        numbers = [int(line.split()[1]) for line in sent if line.startswith(f"{user} ") and line.split()[0] == user]
        assert numbers == sorted(numbers)
    assert "dead letters are in" not in server.log


def test_a_worker_that_lost_the_user_locks_is_replaced(tmp_path: Path) -> None:
    """It would take messages in and answer none."""
    with serve(tmp_path, workers=1) as server:
        worker = server.workers()[0]
        worker.send_signal(signal.SIGUSR1)  # the bot closes the connection, as nobody else can
        wait_until_gone(server, {worker.pid})
        assert "The connection to the user locks is lost" in server.log
        eventually(lambda: say(server.port, "u", "hello") == 200)
        eventually(lambda: "u hello" in lines(tmp_path / "sent"))


def test_a_release_folder_that_is_replaced_under_the_server_does_not_end_it(tmp_path: Path) -> None:
    """Given a bot named relatively in a directory that is removed and made again, all workers that die come back."""
    release = tmp_path / "release"

    def make() -> None:
        release.mkdir()
        (release / "bot.yaml").write_text("channels: {web: {}}\ndialog:\n- condition: true\n  response: hello\n")

    make()
    port = free_port()
    command = [
        sys.executable,
        "-P",
        "-m",
        "maxbot",
        "run",
        "--bot",
        "bot.yaml",
        "--port",
        str(port),
        "--updater",
        "webhooks",
    ]
    command += ["--host", "127.0.0.1", "--database", f"sqlite:///{tmp_path}/bot.db"]
    server = Server(command, port, tmp_path / "log", environment={"PYTHONPATH": str(ROOT)}, folder=release)
    with server:
        shutil.rmtree(release)
        server.workers()[0].kill()
        eventually(lambda: "does not start" in server.log)
        make()
        eventually(lambda: get(port, "/health/ready") == 200)
        assert server.returncode is None


def test_a_signal_replaces_a_worker_that_waits_for_its_next_start(tmp_path: Path) -> None:
    """Given a slot that failed often and waits long, when the mistake is mended and a SIGHUP comes, it starts now."""
    alone = tmp_path / "alone"
    with serve(tmp_path, PROBE_ALONE=alone) as server:
        eventually(lambda: starts(tmp_path) >= 6)
        alone.unlink()  # from now on the file of the one that serves is another one
        server.signal(signal.SIGHUP)
        eventually(lambda: starts(tmp_path) >= 7, 4)


def test_nothing_is_left_open_after_many_replacements(tmp_path: Path) -> None:
    """5 replacements; full: 20."""
    with serve(tmp_path, workers=1) as server:
        worker = server.workers()[0]
        assert_only_its_own(worker)
        ours, its = server.main.num_fds(), worker.num_fds()
        for _ in range(20 if FULL else 5):
            gone = worker
            server.signal(signal.SIGHUP)
            wait_until_gone(server, {gone.pid})
            worker = the_only_worker(server)
        eventually(lambda: server.main.num_fds() <= ours)
        eventually(lambda: worker.num_fds() <= its)
        assert_only_its_own(worker)
        assert not zombies(server)


def assert_only_its_own(worker: psutil.Process) -> None:
    """A worker has its control socket, its locks, one listener, its database, and no other's."""
    sockets = [connection for connection in worker.net_connections("tcp") if connection.status == psutil.CONN_LISTEN]
    assert len(sockets) == 1
    unix = [os.readlink(f"/proc/{worker.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{worker.pid}/fd")]
    # Control, locks, and the pair with which uvloop hears of signals.
    assert len([name for name in unix if name.startswith("socket:")]) <= 5, unix
    assert not [name for name in unix if "-owner" in name]


def zombies(server: Server) -> list[psutil.Process]:
    return [child for child in server.main.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_a_process_that_the_bot_starts_inherits_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert say(server.port, "u", "spawn") == 200
        (line,) = eventually(lambda: lines(tmp_path / "child"))
        assert ast.literal_eval(line) == ["0", "1", "2", "3"]  # 3 is the directory that it reads
        # It outlives the server, and keeps neither port nor database.
        child = next(child for child in server.children() if "time.sleep(60)" in " ".join(command(child)))
        assert server.stop() == 0
        assert child.is_running()
        with serve(tmp_path, port=server.port):
            pass
        child.kill()


# A worker hangs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_blocked_worker_is_replaced_and_its_message_becomes_a_dead_letter(tmp_path: Path) -> None:
    """Given four workers under load, when a message blocks one for ever, then the others answer every webhook, it is
    replaced with its stack in the log, its user's next message is answered, and after its second one it is set aside.

    The limit of a hang is the usual 6 seconds in full, 2 else.
    """
    limit = 6.0 if FULL else 2.0
    with serve(tmp_path, workers=4, MAXBOT_HANG_TIMEOUT=limit) as server:
        server._expect_tracebacks = True  # that of the dead letter
        with Load(server.port, connections=8, rate=100, go_on=True) as load:
            assert say(server.port, "poison", "block 300") == 200
            began = time.monotonic()
            # Between the 200 and the turn the worker may have accepted this connection, a moment before it was blocked:
            # then a platform sees no answer, and a reset when the worker is ended, and delivers again.
            eventually(lambda: say(server.port, "poison", "after it") == 200)
            eventually(lambda: "does not run its event loop" in server.log)
            assert "in answer" in server.log.partition("does not run its event loop")[2]  # where it hangs
            eventually(lambda: len(server.workers()) == 4 and len(pids(server)) >= 3)
            print(f"replaced after {time.monotonic() - began:.1f} s")
            eventually(lambda: "poison after it" in lines(tmp_path / "sent"))
            print(f"set aside after {time.monotonic() - began:.1f} s")
            load.stop()
        assert lines(tmp_path / "turns").count("block 300") == 2, "once in a worker, once in the quarantine"
        assert "poison block 300" not in lines(tmp_path / "sent")
        # Only those who had a connection to the worker that was killed were cut off, and delivered again.
        assert load.outcomes["refused"] == 0
        assert set(load.outcomes) <= {"200", "reset", "unheard"}
        assert load.outcomes["reset"] + load.outcomes["unheard"] <= 5 * 8
        # The messages that were under way in the same workers are innocent.
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
        eventually(lambda: len(server.children()) == 4)  # the quarantine ends as well
    assert "1 dead letters" in server.log


def test_a_bot_that_hangs_while_it_is_loaded_ends_the_run(tmp_path: Path) -> None:
    """Given workers that never get ready, the run ends with the reason, and with where they hang."""
    server = serve(tmp_path, PROBE_START="300", MAXBOT_START_TIMEOUT="5")
    server.start()
    try:
        assert server.wait() == 1
        assert "in _start_as_told" in server.log
        assert server.log.count("does not start: it was not ready within 5 seconds") == 1
        assert starts(tmp_path) <= 4
        server.assert_gone()
        server.assert_no_traceback()
    finally:
        server._end()


def test_a_stop_does_not_wait_for_a_bot_that_is_loaded(tmp_path: Path) -> None:
    server = serve(tmp_path, PROBE_START="300")
    server.start()
    try:
        eventually(lambda: starts(tmp_path) == 2)
        server.signal(signal.SIGTERM)
        assert server.wait(25) == 0, "not the thirty seconds of a stop"
        server.assert_gone()
    finally:
        server._end()


def test_a_supervisor_that_is_paused_kills_no_worker(tmp_path: Path) -> None:
    """Given workers that live, when their supervisor stands still for longer than a hang may last, they go on."""
    with serve(tmp_path, MAXBOT_HANG_TIMEOUT="1.5") as server:
        before = worker_pids(server)
        for _ in range(3 if FULL else 1):
            server.signal(signal.SIGSTOP)
            eventually(lambda: server.main.status() == psutil.STATUS_STOPPED)
            time.sleep(2.5)
            assert get(server.port, "/health/live") == 200
            server.signal(signal.SIGCONT)
            time.sleep(1.0)  # two looks at the signs of life
        assert worker_pids(server) == before
        assert "does not run" not in server.log


def test_everything_is_paused_and_goes_on(tmp_path: Path) -> None:
    """Ctrl-Z and `fg`."""
    with serve(tmp_path, MAXBOT_HANG_TIMEOUT="1.5") as server:
        before = worker_pids(server)
        server.signal_group(signal.SIGSTOP)
        time.sleep(2.5)
        server.signal_group(signal.SIGCONT)
        time.sleep(2.0)
        assert worker_pids(server) == before


def test_stacks_are_shown_and_nobody_dies_of_it(tmp_path: Path) -> None:
    """SIGQUIT shows where each worker is, even while they start or end."""
    server = serve(tmp_path)
    server.start()
    try:
        for _ in range(10):
            eventually(lambda: server.workers())
            server.signal_group(signal.SIGQUIT) if "listens on" in server.log else None
            time.sleep(0.1)
        server.wait_ready()
        wait_for_two_others(server)
        before = server.log.count("is here:")
        server.signal(signal.SIGQUIT)
        eventually(lambda: server.log.count("is here:") == before + 2)
        assert "in run_turn" not in server.log  # they are idle
        eventually(lambda: "maxbot/server/worker/__main__.py" in server.log.rpartition("is here:")[2])
        # One that ends while it is asked is no reason to give up.
        for _ in range(3):
            victim = random.choice(sorted(pids(server)))
            server.signal(signal.SIGQUIT)
            os.kill(victim, signal.SIGKILL)
            wait_for_two_others(server, victim)
        assert "this is a bug" not in server.log
        assert server.stop() == 0
        server.assert_no_traceback()
    finally:
        server._end()


# Replacement ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replacement_under_load_is_not_noticed(tmp_path: Path) -> None:
    """10 replacements in full with a bot that takes 5 seconds to start, 2 with one of a second else, at 300 messages
    a second: none refused, reset or lost, and each user's in order."""
    slow, count = (5, 10) if FULL else (1, 2)
    with serve(tmp_path, PROBE_START=slow) as server, Load(server.port, connections=12, rate=300) as load:
        for trial in range(count):
            before = worker_pids(server)
            server.signal(signal.SIGHUP)
            wait_for_log(server, "The workers are replaced", trial + 1)
            wait_until_gone(server, before)
        load.stop()
        print(f"{load.outcomes}, slowest {load.slowest * 1000:.0f} ms")
        assert set(load.outcomes) == {"200"}
        eventually(lambda: set(load.accepted) == set(lines(tmp_path / "sent")))
    sent = lines(tmp_path / "sent")
    assert len(sent) == len(load.accepted)
    for user in {line.split()[0] for line in sent}:
        assert [line for line in sent if line.split()[0] == user] == [
            line for line in load.accepted if line.split()[0] == user
        ]


# The supervisor dies ────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_worker_outlives_its_supervisor(tmp_path: Path) -> None:
    """20 kills in full, 4 else, half of them while the workers start: soon no process is left, the port is free, and a
    restart on the same database answers all that was accepted."""
    accepted: list[str] = []
    for trial in range(20 if FULL else 4):
        server = serve(tmp_path)
        server.start()
        try:
            if trial % 2:
                server.wait_ready()
                with Load(server.port, name=f"trial{trial}-") as load:
                    time.sleep(random.uniform(0.0, 0.5))
                    server.kill()
                    load.wait()
                accepted += load.accepted
            else:
                wait_for_a_worker(server)
                time.sleep(random.uniform(0.0, 0.6))
                server.kill()
            server.assert_gone()
        finally:
            server._end()
    assert accepted
    with serve(tmp_path, port=server.port) as server:
        eventually(lambda: set(accepted) <= set(lines(tmp_path / "sent")))


def test_a_blocked_worker_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert say(server.port, "u", "block 300") == 200
        eventually(lambda: lines(tmp_path / "turns"))
        server.kill()
        server.assert_gone()
        server._process.returncode = 0


# As the first process of a container ────────────────────────────────────────────────────────────────────────────────


def is_worker(process: psutil.Process) -> bool:
    return "maxbot.server.worker" in command(process)


ORPHAN = "import os, time; os.fork() or os.fork() or time.sleep(0.1)"


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace needs root")
def test_as_the_first_process_it_buries_orphans_and_stops_at_a_sigterm(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        arguments = [*server._command]
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    contained = Server(
        [*unshare, *arguments],
        server.port,
        tmp_path / "contained",
        environment={"PROBE_CHILD": str(tmp_path / "child")},
    )
    contained.start()
    try:
        contained.wait_ready()
        first = next(child for child in contained.main.children() if "maxbot" in command(child))
        for _ in range(5):
            subprocess.run(
                ["nsenter", "--target", str(first.pid), "--pid", "--mount", sys.executable, "-c", ORPHAN], check=True
            )
        # All its orphans are gone, buried too: nobody but the two workers is left.
        eventually(lambda: sorted(map(is_worker, first.children())) == [True, True])
        worker = first.children()[0]
        worker.kill()
        eventually(lambda: worker.pid not in {child.pid for child in first.children()})
        eventually(lambda: sorted(map(is_worker, first.children())) == [True, True])
        first.terminate()
        assert contained.wait() == 0
        assert "Traceback" not in contained.log
    finally:
        contained._end()
