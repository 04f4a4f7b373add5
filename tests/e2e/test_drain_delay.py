"""With --drain-delay, a stop says first that it is near: whoever asks is told, and everything is served meanwhile."""

import signal
import time
from pathlib import Path

import pytest

from tests.e2e.support import SECRET, post, serve, update_of
from tests.support.processes import Server, eventually, get
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

DELAY = 5.0
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}

KINDS = {"one worker": [], "two workers": ["--workers", "2"], "a single process": ["--single-process"]}


def started(telegram: TelegramStandIn, folder: Path, kind: str, delay: float = DELAY) -> Server:
    return serve(telegram, folder, "--drain-delay", str(delay), *KINDS[kind], workers=1)


def is_unready(server: Server) -> bool:
    """Whether each of the workers says so."""
    return all(get(server.port, "/health/ready") == 503 for _ in range(20))


@pytest.mark.parametrize(
    ("kind", "whom"), [*((kind, "the supervisor") for kind in KINDS), ("two workers", "the group")]
)
def test_it_is_not_ready_and_serves_until_the_delay_is_over(tmp_path: Path, kind: str, whom: str) -> None:
    with TelegramStandIn() as telegram, started(telegram, tmp_path, kind) as server:
        began = time.monotonic()
        (server.signal if whom == "the supervisor" else server.signal_group)(signal.SIGTERM)
        eventually(lambda: is_unready(server))
        number = 0
        while number == 0 or time.monotonic() - began < DELAY - 3:
            number += 1
            assert post(server.port, update_of(number, number, f"{number}/1"), HEADERS) == 200
            assert get(server.port, "/health/live") == 200
            assert get(server.port, "/health/ready") == 503
        assert server.wait() == 0
        assert time.monotonic() - began >= DELAY
        assert telegram.stats().delivered == number
        assert "Not ready any more, and stopping in 5 seconds" in server.log


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_signal_ends_the_delay(tmp_path: Path, kind: str) -> None:
    with TelegramStandIn() as telegram, started(telegram, tmp_path, kind, delay=600.0) as server:
        server.signal(signal.SIGTERM)
        eventually(lambda: is_unready(server))
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert "Nothing is waiting" in server.log


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_waits_for_no_balancer(tmp_path: Path, kind: str) -> None:
    with TelegramStandIn() as telegram, started(telegram, tmp_path, kind, delay=600.0) as server:
        server.signal_group(signal.SIGINT)
        assert server.wait() == 0


def test_a_replacement_is_not_delayed_and_whoever_starts_meanwhile_is_not_ready_either(tmp_path: Path) -> None:
    with TelegramStandIn() as telegram, started(telegram, tmp_path, "two workers", delay=600.0) as server:
        before = {worker.pid for worker in server.workers()}
        server.signal(signal.SIGHUP)
        eventually(lambda: "The workers are replaced" in server.log)
        eventually(lambda: not before & {worker.pid for worker in server.workers()})
        assert get(server.port, "/health/ready") == 200
        server.signal(signal.SIGTERM)
        eventually(lambda: is_unready(server))
        victim = server.workers()[0]
        victim.kill()
        eventually(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == 2)
        eventually(lambda: is_unready(server))
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
