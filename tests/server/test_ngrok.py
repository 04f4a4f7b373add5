"""What ngrok on this machine says, played by a stand-in on a free port."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from maxbot.errors import UsageError
from maxbot.server.ngrok import Place, find_tunnel, with_ngrok
from maxbot.settings import Settings
from tests.support.processes import free_port


@contextmanager
def ngrok(answer: Any, status: int = 200) -> Iterator[str]:
    """Serve an answer at `/api/tunnels`; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/tunnels" else 404)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def tunnel(public_url: str, addr: str) -> dict[str, Any]:
    return {"name": "x", "public_url": public_url, "proto": "https", "config": {"addr": addr, "inspect": True}}


@pytest.mark.parametrize(
    ("addr", "host", "port"),
    [("http://localhost:8081", "localhost", 8081), ("127.0.0.1:9000", "127.0.0.1", 9000), ("8080", "localhost", 8080)],
)
def test_the_tunnel_with_https_says_where_to_listen(addr: str, host: str, port: int) -> None:
    tunnels = [tunnel("http://a.ngrok.app", "http://localhost:1"), tunnel("https://a.ngrok.app", addr)]
    with ngrok({"tunnels": tunnels, "uri": "/api/tunnels"}) as url:
        assert find_tunnel(f"{url}/") == Place(host, port, "https://a.ngrok.app")
        settings = with_ngrok(Settings(ngrok_url=url))
    assert (settings.host, settings.port, settings.public_url) == (host, port, "https://a.ngrok.app")


def test_nobody_is_asked_where_nobody_wants_it() -> None:
    settings = Settings()
    assert with_ngrok(settings) is settings


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ({"tunnels": []}, 200, "has no tunnel with https"),
        ({"tunnels": [tunnel("https://a.ngrok.app", "file:///srv")]}, 200, "no port of this machine"),
        ({"tunnels": [{}]}, 200, "does not answer"),
        (b"<html>", 200, "does not answer"),
        ({}, 500, "does not answer"),
    ],
)
def test_an_answer_that_does_not_help_says_what_to_do(answer: Any, status: int, message: str) -> None:
    with ngrok(answer, status) as url, pytest.raises(UsageError, match=message):
        find_tunnel(url)


def test_no_ngrok_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="start it, `ngrok http 8080`"):
        find_tunnel(f"http://127.0.0.1:{free_port()}")
