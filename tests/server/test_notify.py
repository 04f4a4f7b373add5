"""What systemd hears."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from maxbot.server.notify import READY, notify, reloading, watchdog_interval


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_what_is_said(
    abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        notify(READY)
        notify(reloading())
        manager.settimeout(10)
        assert manager.recv(100) == b"READY=1"
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1"])
def test_without_a_service_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)


@pytest.mark.parametrize(
    ("limit", "process", "interval"),
    [("30000000", None, 10.0), ("30000000", "1", None), ("0", None, None), ("soon", None, None), (None, None, None)],
)
def test_the_watchdog_is_fed_three_times_within_its_limit(
    limit: str | None, process: str | None, interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", limit), ("WATCHDOG_PID", process or str(os.getpid()))):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert watchdog_interval() == interval


@pytest.mark.parametrize("options", [("--workers", "2"), ("--single-process",)])
def test_a_run_says_when_it_serves_lives_and_stops(options: tuple[str, ...], tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        bot = tmp_path / "bot.yaml"
        bot.write_text("channels: {web: {}}\ndialog: [{condition: message.text, response: '{{ message.text }}'}]\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "maxbot", "run", "--bot", str(bot), "--port", "0", *options],
            env={**os.environ, "NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "300000", "TMPDIR": str(tmp_path)},
            stderr=subprocess.DEVNULL,
        )
        try:
            heard = [manager.recv(100)]
            while heard[-1] != b"READY=1":
                heard.append(manager.recv(100))
            for _ in range(3):
                assert manager.recv(100) == b"WATCHDOG=1"
            process.terminate()
            while heard[-1] != b"STOPPING=1":
                heard.append(manager.recv(100))
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
