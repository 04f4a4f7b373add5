"""Updates that are fetched are answered once and in order, whatever happens to who fetches them."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import COUNTING, TOKEN, counter, database_in, judge, say, wait_until_done
from tests.support import FULL
from tests.support.history import Bot
from tests.support.processes import PATIENCE, Server, eventually
from tests.support.records import Delivery, LoadRecord, Sent
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(counter=True)


class Updates:
    """What users write, at the platform, where it waits to be fetched."""

    def __init__(self, telegram: TelegramStandIn, chats: int) -> None:
        self._telegram = telegram
        self._chats = chats
        self.record = LoadRecord(time.monotonic(), 0.0, [])

    def add(self, messages: int) -> None:
        """Put in some more messages of each chat; the platform has them, and numbers them, from now on."""
        first = len(self.record.updates)
        updates: list[dict[str, Any]] = []
        for number in range(first, first + messages * self._chats):
            chat, text = 1 + number % self._chats, f"{1 + number % self._chats}/{1 + number // self._chats}"
            person = {"id": chat, "first_name": "Ada"}
            message = {"message_id": number, "date": 1, "text": text, "from": person}
            message["chat"] = person | {"type": "private"}
            updates.append({"update_id": number + 1, "message": message})
            now = time.monotonic()
            self.record.updates.append(Sent(number + 1, str(chat), text, now, [Delivery(now, now, 200)]))
        self._telegram.control(updates=updates)


@contextmanager
def polling(telegram: TelegramStandIn, folder: Path) -> Iterator[Server]:
    """Run a server that polls; at the end it must stop well."""
    command = [sys.executable, "-m", "maxbot", "run", "--bot", COUNTING, "--updater", "polling"]
    command += ["--database", f"sqlite:///{database_in(folder)}"]
    server = Server(command, 0, folder / "log", environment={"E2E_API_URL": telegram.url, "E2E_TOKEN": TOKEN})
    try:
        start(server, telegram)
        yield server
        assert server.stop() == 0
        server.assert_gone()
        server.assert_no_traceback()
    finally:
        server._end()


def start(server: Server, telegram: TelegramStandIn) -> None:
    before = polls(telegram)
    server.start()
    telegram.wait(lambda stats: stats.methods.get("getUpdates", 0) > before)
    server.children()


def polls(telegram: TelegramStandIn) -> int:
    return telegram.stats().methods.get("getUpdates", 0)


def test_polling_loses_and_doubles_nothing_through_kills_of_the_worker_and_of_everything(tmp_path: Path) -> None:
    """6 kills by turns while 600 messages of 20 chats come in; full: 100 kills, 10,000 messages."""
    kills, chats = (100 if FULL else 6), 20
    with (
        TelegramStandIn(latency=(0.0, 0.01)) as telegram,
        polling(telegram, tmp_path) as server,
    ):
        updates = Updates(telegram, chats)
        for number in range(kills):
            before = telegram.stats().delivered
            updates.add(5)
            telegram.wait(lambda stats, before=before: stats.delivered > before + chats)  # type: ignore[misc]
            asked = polls(telegram)
            if number % 2:
                server.kill_all()
                start(server, telegram)
            else:
                server.workers()[0].kill()
                telegram.wait(lambda stats, asked=asked: stats.methods["getUpdates"] > asked)  # type: ignore[misc]
        eventually(lambda: telegram.stats().pending_updates == 0)
        wait_until_done(tmp_path)
        # A kill may repeat the one reply of each chat that was under way.
        verdict = judge(telegram, [updates.record], BOT, allowed_repeats=kills * chats)
        assert verdict.answered == kills * 5 * chats
        uncertain = counter(tmp_path, "uncertain")
        assert verdict.repeated + verdict.uncertain <= uncertain
        say(f"{kills} kills; {verdict.repeated} confirmed replies came again; {uncertain} counted as uncertain")


def test_two_who_fetch_the_same_updates_are_one_line_in_the_log(tmp_path: Path) -> None:
    """Somebody else fetches for 3 s, and both get something now and then: one warning, and nothing lost."""
    with (
        TelegramStandIn() as telegram,
        polling(telegram, tmp_path) as server,
    ):
        updates = Updates(telegram, 10)
        over = threading.Event()
        rival = threading.Thread(target=fetch_until, args=(telegram, over))
        rival.start()
        try:
            eventually(lambda: "another program takes this bot's updates" in server.log)
            asked = polls(telegram)
            updates.add(2)
            eventually(lambda: polls(telegram) > asked + 2 and time.monotonic() > updates.record.started + 3)
        finally:
            over.set()
            rival.join()
        eventually(lambda: telegram.stats().pending_updates == 0)
        wait_until_done(tmp_path)
        judge(telegram, [updates.record], BOT)
        assert server.log.count("Polling Telegram") == 1, server.log


def fetch_until(telegram: TelegramStandIn, over: threading.Event) -> None:
    """Be another program with the same token, which confirms nothing."""
    while not over.is_set():
        connection = HTTPConnection("127.0.0.1", telegram.port, timeout=PATIENCE)
        connection.request("POST", f"/bot{TOKEN}/getUpdates?timeout=1")
        connection.getresponse().read()
        connection.close()


class UnknownToken(BaseHTTPRequestHandler):
    """A platform that knows nobody."""

    def do_POST(self) -> None:
        body = b'{"ok":false,"error_code":401,"description":"Unauthorized"}'
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_token_that_is_refused_ends_the_run_with_that_reason_and_nothing_else(tmp_path: Path) -> None:
    platform = ThreadingHTTPServer(("127.0.0.1", 0), UnknownToken)
    threading.Thread(target=platform.serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", COUNTING, "--updater", "polling"]
    command += ["--database", f"sqlite:///{database_in(tmp_path)}"]
    url = f"http://127.0.0.1:{platform.server_port}"
    server = Server(command, 0, tmp_path / "log", environment={"E2E_API_URL": url, "E2E_TOKEN": TOKEN})
    server.start()
    try:
        assert server.wait() == 1
        assert server.log.count("Telegram does not know this token") == 1, server.log
        assert "ended with status" not in server.log
        server.assert_gone()
        server.assert_no_traceback()
    finally:
        server._end()
        platform.shutdown()
        platform.server_close()
