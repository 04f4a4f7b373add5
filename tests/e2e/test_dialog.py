"""A conversation through a server whose workers die goes as it goes in one process: the same replies, in order."""

import functools
import random
import signal
import threading
from collections.abc import Iterable
from http.client import HTTPConnection
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maxbot import MaxBot
from maxbot.errors import TurnError
from tests.e2e.support import SECRET, TOKEN, database_in, post, say, update_of, wait_until_done
from tests.support import FULL
from tests.support.processes import PATIENCE, Server, eventually
from tests.support.records import Call
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Path(__file__).with_name("reservation.yaml")

SAID = ["table", "4", "I am Ada", "never mind", "lunch", "soup", "hm", "fail", "table for 3", "bye"]


def conversation(chance: random.Random, turns: int) -> list[Any]:
    """Return what a user says: texts, and requests of another program about him."""
    return [
        {"method": "remind", "params": {"about": chance.choice(["tea", 5])}} if chance.random() < 0.15 else text
        for text in chance.choices(SAID, k=turns)
    ]


def expected(said: Iterable[Any], chat: int) -> list[str]:
    """Return the replies of the bot in this process."""
    bot, replies = MaxBot.from_file(BOT), []
    dialog = {"channel_name": "telegram", "user_id": str(chat)}
    for one in said:
        try:
            commands = bot.process_message(one, dialog) if isinstance(one, str) else bot.process_rpc(one, dialog)
        except TurnError:
            continue
        replies += [command["text"] for command in commands]
    return replies


def tell(server: Server, said: Iterable[Any], chat: int) -> None:
    """Say it, each once the one before is acknowledged; whoever gets no answer tries again, as platforms do."""
    for number, one in enumerate(said):
        eventually(functools.partial(_delivered, server, one, chat, chat * 1000 + number))


def _delivered(server: Server, one: Any, chat: int, number: int) -> bool:
    try:
        if isinstance(one, str):
            secret = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            return post(server.port, update_of(number, chat, one), secret) == 200
        return _request(server.port, one, chat, str(number)) == 200
    except OSError:
        return False


def _request(port: int, request: Any, chat: int, key: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", f"/rpc/telegram/{chat}", msgspec.json.encode(request), {"Idempotency-Key": key})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def delivered_to(calls: Iterable[Call], chat: int) -> list[str]:
    """Return what a user sees, without what a death made the server send twice: no two replies are alike."""
    texts = [call.text for call in calls if call.chat == str(chat) and call.delivered]
    return [text for text, _ in groupby(texts)]


def test_a_conversation_with_a_server_whose_workers_die_goes_as_in_one_process(tmp_path: Path) -> None:
    """12 users of 25 turns each, 5 kills; full: 120 users of 100 turns, 120 kills."""
    users, turns, kills = (120, 100, 120) if FULL else (12, 25, 5)
    chance = random.Random(7)
    conversations = {chat: conversation(chance, turns) for chat in range(1, users + 1)}
    with (
        TelegramStandIn(seed=7) as telegram,
        Server.maxbot(
            BOT,
            tmp_path / "log",
            workers=2,
            database=database_in(tmp_path),
            environment={"E2E_API_URL": telegram.url, "E2E_TOKEN": TOKEN},
            expect_tracebacks=True,
        ) as server,
    ):
        talking = [threading.Thread(target=tell, args=(server, said, chat)) for chat, said in conversations.items()]
        for thread in talking:
            thread.start()
        killed = 0
        while any(thread.is_alive() for thread in talking) or killed < kills:
            workers = server.workers()
            if killed < kills and len(workers) == 2:
                chance.choice(workers).send_signal(signal.SIGKILL)
                killed += 1
            talking[0].join(0.2)
        for thread in talking:
            thread.join()
        wait_until_done(tmp_path)
        calls = telegram.history()
    for chat, said in conversations.items():
        assert delivered_to(calls, chat) == expected(said, chat), said
    say(f"{sum(map(len, conversations.values()))} turns of {users} users, {killed} workers killed")
