"""The load generator delivers as Telegram does, and what it writes down is what happened."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from tests.support.load import Load, LoadProcess, Plan, deliver
from tests.support.records import LoadRecord

Answer = Callable[[dict[str, Any]], Awaitable[int | None]]
"""Status to answer an update with; None closes the connection without an answer."""


class Webhook:
    """A web server that knows just enough to be delivered to."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.seen: list[str] = []
        self.secrets: set[str] = set()
        self.connections: set[asyncio.StreamWriter] = set()
        self.busy: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Webhook":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
                update = json.loads(await reader.readexactly(int(headers["Content-Length"])))
                self.secrets.add(headers["X-Telegram-Bot-Api-Secret-Token"])
                self.seen.append(update["message"]["text"])
                self.busy.add(writer)
                status = await self._answer(update)
                self.busy.discard(writer)
                if status is None:
                    break
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def fine(update: dict[str, Any]) -> int:
    await asyncio.sleep(0.001)
    return 200


async def run(answer: Answer, **options: Any) -> tuple[LoadRecord, Webhook]:
    async with Webhook(answer) as webhook:
        record = await Load(Plan(port=webhook.port, **options)).run()
    return record, webhook


def numbers(webhook: Webhook, chat: int) -> list[int]:
    return [int(text.split("/")[1]) for text in webhook.seen if text.split("/")[0] == str(chat)]


def test_each_chat_is_delivered_in_order_and_waits_for_the_answer() -> None:
    under_way: dict[int, int] = {}

    async def answer(update: dict[str, Any]) -> int:
        chat = update["message"]["chat"]["id"]
        under_way[chat] = under_way.get(chat, 0) + 1
        assert under_way[chat] == 1
        await asyncio.sleep(0.002)
        under_way[chat] -= 1
        return 200

    record, webhook = asyncio.run(run(answer, chats=5, messages=10, connections=8, secret="s"))
    assert all(numbers(webhook, chat) == list(range(1, 11)) for chat in range(1, 6))
    assert webhook.secrets == {"s"}
    assert len(record.updates) == len({update.update_id for update in record.updates}) == 50
    assert all(update.acknowledged for update in record.updates)
    assert len(record.latencies) == 50
    assert (record.refused, record.failures) == (0, {})


def test_what_failed_is_delivered_again_before_the_next() -> None:
    attempts: dict[str, int] = {}

    async def answer(update: dict[str, Any]) -> int | None:
        text = update["message"]["text"]
        attempts[text] = attempts.get(text, 0) + 1
        if text == "1/2" and attempts[text] <= 2:
            return 503
        if text == "1/3" and attempts[text] == 1:
            return None
        return 200

    record, webhook = asyncio.run(run(answer, chats=1, messages=4, connections=2, pause=0.01))
    assert numbers(webhook, 1) == [1, 2, 2, 2, 3, 3, 4]
    assert record.failures == {"503": 2, "closed": 1}
    assert all(update.acknowledged for update in record.updates)


def test_a_delivery_without_an_answer_times_out() -> None:
    calls = 0

    async def answer(update: dict[str, Any]) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(30)
        return 200

    record, webhook = asyncio.run(run(answer, chats=1, messages=1, connections=1, timeout=0.1))
    assert record.failures == {"timeout": 1}
    assert webhook.seen == ["1/1", "1/1"]


def test_a_run_that_does_not_move_is_given_up() -> None:
    async def answer(update: dict[str, Any]) -> int:
        return 500

    record, _ = asyncio.run(run(answer, chats=2, messages=3, connections=2, give_up=0.3))
    assert [update.acknowledged for update in record.updates] == [None, None]
    assert record.failures["500"] >= 2


def test_nasty_deliveries_come_twice_and_out_of_order() -> None:
    options: dict[str, Any] = {"chats": 20, "messages": 20, "connections": 10, "repeated": 0.2, "out_of_order": 0.2}
    record, webhook = asyncio.run(run(fine, seed=1, **options))
    repeated = [update for update in record.updates if len(update.deliveries) == 2]
    assert 40 < len(repeated) < 120
    at_once = [update for update in repeated if update.deliveries[1].sent < (update.deliveries[0].answered or 0)]
    assert 10 < len(at_once) < len(repeated) - 10
    late = sum(first > second for chat in range(1, 21) for first, second in _neighbours(numbers(webhook, chat)))
    assert late > 20
    first_deliveries = {update.text: update for update in record.updates}
    overlapping = sum(
        (first_deliveries[f"{chat}/{number}"].acknowledged or 0) > first_deliveries[f"{chat}/{number + 1}"].first_sent
        for chat in range(1, 21)
        for number in range(1, 20)
    )
    assert overlapping > 20


def _neighbours(values: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(values))


def test_an_open_loop_keeps_its_rate_while_answers_lag() -> None:
    arrived: list[int] = []

    async def answer(update: dict[str, Any]) -> int:
        arrived.append(update["update_id"])
        while len(arrived) < 100:  # nobody is answered before the last one has come
            await asyncio.sleep(0.01)
        return 200

    record, _ = asyncio.run(run(answer, chats=100, messages=1, connections=100, rate=50.0))
    sent = sorted(update.first_sent for update in record.updates)
    assert len(sent) == 100
    assert sent[-1] - sent[0] > 0.5  # and not all at once


def test_nobody_listening_is_counted_as_refused() -> None:
    async def scenario() -> LoadRecord:
        async with Webhook(fine) as webhook:
            port = webhook.port
        return await Load(Plan(port=port, chats=1, messages=1, connections=1, give_up=0.3)).run()

    record = asyncio.run(scenario())
    assert record.refused >= 2
    assert record.updates == []


def test_connections_closed_while_idle_are_no_failures() -> None:
    async def answer(update: dict[str, Any]) -> int | None:
        return 200

    async def scenario() -> LoadRecord:
        async with Webhook(answer) as webhook:
            plan = Plan(port=webhook.port, chats=1, messages=3, connections=1, rate=10.0)
            load = Load(plan)
            running = asyncio.create_task(load.run())
            while not load.record.updates[0].deliveries or not load.record.updates[0].acknowledged:
                await asyncio.sleep(0.001)
            for connection in webhook.connections:
                connection.close()
            return await running

    record = asyncio.run(scenario())
    assert record.dropped_idle == 1
    assert record.failures == {}
    assert len(record.updates) == 3


def test_a_connection_opened_again_carries_one_delivery_at_a_time() -> None:
    async def slow(update: dict[str, Any]) -> int:
        await asyncio.sleep(0.01)
        return 200

    async def scenario() -> LoadRecord:
        async with Webhook(slow) as webhook:
            load = Load(Plan(port=webhook.port, chats=20, messages=3, connections=2, rate=100.0, give_up=3))
            running = asyncio.create_task(load.run())
            while not running.done():
                await asyncio.sleep(0.02)
                for connection in webhook.connections - webhook.busy:
                    connection.close()
            return await running

    record = asyncio.run(scenario())
    assert record.dropped_idle > 5
    assert len(record.updates) == 60
    assert all(update.acknowledged for update in record.updates)
    assert sum(len(update.deliveries) for update in record.updates) == 60 + sum(record.failures.values())


def test_a_process_of_its_own_gives_the_same_record() -> None:
    async def scenario() -> tuple[LoadRecord, LoadRecord]:
        async with Webhook(fine) as webhook:
            whole = await asyncio.to_thread(deliver, Plan(port=webhook.port, chats=3, messages=2))
            with LoadProcess(Plan(port=webhook.port, chats=1, messages=1000, rate=100.0)) as load:
                while len(webhook.seen) < 20:
                    await asyncio.sleep(0.005)
                load.stop()
                stopped = await asyncio.to_thread(load.result)
        return whole, stopped

    whole, stopped = asyncio.run(scenario())
    assert sorted(update.text for update in whole.updates) == ["1/1", "1/2", "2/1", "2/2", "3/1", "3/2"]
    assert 14 <= len(stopped.updates) < 1000
    assert all(update.acknowledged for update in stopped.updates)


def test_the_same_seed_delivers_the_same() -> None:
    def orders() -> list[Any]:
        load = Load(Plan(port=1, chats=10, messages=10, repeated=0.3, out_of_order=0.3, seed=3))
        return [[(task.sent.text, task.twin, task.again, task.together) for task in chat.left] for chat in load._chats]

    assert orders() == orders()
