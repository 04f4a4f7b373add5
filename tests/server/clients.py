"""Clients of the probe bot: one request, or a load on connections that stay open, with every outcome counted."""

import asyncio
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec

from tests.server.bots.probe import SECRET
from tests.support.processes import PATIENCE, Server, free_port

BOT = "tests.server.bots.probe:bot"


def serve(
    folder: Path,
    *options: str,
    workers: int = 2,
    port: int | None = None,
    bot: str = BOT,
    database: str = "bot.db",
    **environment: object,
) -> Server:
    """Return a server of the probe bot that keeps everything in a folder.

    Args:
        folder: Gets `bot.db`, `log`, and what the bot writes (`sent`, `turns`, ...).
        options: Added to the command.
        workers: 0 for a single process.
        port: Any free one where None is given.
        bot: As the command takes it.
        database: Its name in the folder.
        environment: Added to it.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "maxbot", "run", "--bot", bot, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--database", f"sqlite:///{folder}/{database}"]
    command += ["--workers", str(workers)] if workers else ["--single-process"]
    files = {f"PROBE_{name.upper()}": str(folder / name) for name in ("sent", "received", "turns", "starts", "child")}
    return Server(
        [*command, *options],
        port,
        folder / "log",
        environment={**files, **{name: str(value) for name, value in environment.items()}},
    )


def lines(file: Path) -> list[str]:
    """Return the lines of a file that is perhaps not there yet."""
    return file.read_text().splitlines() if file.exists() else []


def starts(folder: Path) -> int:
    """Return how many workers began to load the bot."""
    return len(lines(folder / "starts"))


def webhook(user: str, key: str, text: str) -> tuple[str, bytes, dict[str, str]]:
    """Return path, body and headers of a webhook of the probe channel."""
    body = msgspec.json.encode([{"user": user, "key": key, "text": text}])
    return "/probe", body, {"X-Secret": SECRET}


def say(port: int, user: str, text: str, key: str | None = None, timeout: float = PATIENCE) -> int | None:
    """Deliver one message on a connection of its own; return the status, or None where there was no answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    path, body, headers = webhook(user, key or f"{user} {text}", text)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def fetch(port: int, path: str, timeout: float = PATIENCE) -> str | None:
    """Return what a GET is answered with 200, or None."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
        return text if response.status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


class Load:
    """Delivers messages on several keep-alive connections, each as fast as it is answered or at a rate.

    Args:
        port: Of the server.
        connections: How many at once; each is a user of its own.
        rate: Messages per second, of all connections together; 0 for as many as are answered.
        go_on: Whether a connection that failed is opened again, rather than that client being done.
        name: Of the users, before their number.
    """

    def __init__(self, port: int, connections: int = 8, rate: float = 0.0, *, go_on: bool = False, name: str = "user"):
        self.outcomes: Counter[str] = Counter()
        """`200` and other statuses; `refused`: no connection; `unheard`: a new connection ended without an answer;
        `reset`: one ended that had been answered before, or in the middle of an answer."""
        self.accepted: list[str] = []
        """`user text` of what was answered with 200, in each user's order."""
        self.began: dict[str, float] = {}
        """`user text` → when it was first delivered."""
        self.failed: dict[str, str] = {}
        """Key → outcome, of requests without an answer."""
        self.slowest = 0.0
        """Seconds of the slowest answer, from the first delivery."""
        self._port, self._connections, self._go_on, self._name = port, connections, go_on, name
        self._pause = connections / rate if rate else 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let each client take its answer, and end."""
        self._stop.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait until all clients are done: their server is gone."""
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(f"{self._name}{number}") for number in range(self._connections)))

    async def _client(self, user: str) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                self.outcomes["refused"] += 1
                well = False
            else:
                number, well = await self._talk(user, number, reader, writer)
                writer.close()
            if not well and not self._go_on:
                return
            if not well:
                await asyncio.sleep(0.01)

    async def _talk(
        self, user: str, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bool]:
        """Deliver until the connection ends; return the next message's number, and whether all was answered."""
        answers = 0
        while not self._stop.is_set():
            text = str(number)
            path, body, headers = webhook(user, f"{user} {text}", text)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            began = time.monotonic()
            first = self.began.setdefault(f"{user} {text}", began)
            answer = b""
            try:
                writer.write(head.encode() + b"\r\n" + body)
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            except (OSError, asyncio.IncompleteReadError) as error:
                partly = isinstance(error, asyncio.IncompleteReadError) and error.partial
                outcome = "reset" if answers or partly else "unheard"
                self.outcomes[outcome] += 1
                self.failed[f"{user} {text}"] = outcome
                return number, False
            self.slowest = max(self.slowest, time.monotonic() - first)
            status = answer.split()[1].decode()
            self.outcomes[status] += 1
            if status == "200":
                self.accepted.append(f"{user} {text}")
            answers += 1
            number += 1
            if b"connection: close" in answer.lower():
                return number, True
            if self._pause:
                await asyncio.sleep(max(0.0, began + self._pause - time.monotonic()))
        return number, True
