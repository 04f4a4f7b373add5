import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from maxbot.errors import TurnError
from maxbot.extensions.rest import extension
from tests.extensions.support import FakeBuilder, built


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers)}
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        status, answer = self.answer()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://example.org/")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def answer(self) -> tuple[int, bytes]:
        if self.path.startswith("/missing"):
            return 404, b'{"why": "missing"}'
        if self.path.startswith("/moved"):
            return 302, b"{}"
        if self.path.startswith("/text"):
            return 200, b"no json"
        if self.path.startswith("/large"):
            return 200, b"1" * (2 * 1024 * 1024)
        return 200, json.dumps({"path": self.path, "n": len(self.server.asked)}).encode()  # type: ignore[attr-defined]

    def log_message(self, *arguments: Any) -> None:
        pass


class Server:
    def __init__(self) -> None:
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.http.asked = self.asked  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def bot(self, **service: Any) -> FakeBuilder:
        return built(extension, {"services": [{"name": "Stock", "base_url": f"{self.url}/base/", **service}]})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def test_a_statement_asks_a_service_and_sets_rest(server: Server) -> None:
    bot = server.bot(headers={"X-One": "1"}, parameters={"a": "1"}, auth={"user": "ada", "password": "x"})
    assert bot.render("{% GET 'stock://items/1' parameters {'b': 'ä &'} %}{{ rest.json.path }} {{ rest.ok }}") == (
        "/base/items/1?a=1&amp;b=%C3%A4+%26 True"
    )
    [asked] = server.asked
    assert asked["method"] == "GET"
    assert asked["headers"]["X-One"] == "1"
    assert asked["headers"]["Authorization"] == "Basic YWRhOng="


@pytest.mark.parametrize(
    ("template", "method", "body", "content_type"),
    [
        ("{% POST 'stock://x' body {'a': 1} %}", "POST", '{"a":1}', "application/json"),
        ("{% PUT 'stock://x', body='plain', headers={'content-type': 'a/b'} %}", "PUT", "plain", "a/b"),
        (
            "{% PATCH 'stock://x' body {'a': 'b c'} headers {'Content-Type': 'application/x-www-form-urlencoded'} %}",
            "PATCH",
            "a=b+c",
            "application/x-www-form-urlencoded",
        ),
        ("{% DELETE 'stock://x' %}", "DELETE", "", None),
        ("{% set _ = rest_call(service='STOCK', path='x', body={'a': 1}) %}", "POST", '{"a":1}', "application/json"),
        ("{% set _ = rest_call(url='stock://x') %}", "GET", "", None),
    ],
)
def test_methods_and_bodies(server: Server, template: str, method: str, body: str, content_type: str | None) -> None:
    server.bot().render(template)
    [asked] = server.asked
    assert (asked["method"], asked["path"], asked["body"]) == (method, "/base/x", body)
    assert asked["headers"].get("Content-Type", asked["headers"].get("content-type")) == content_type


@pytest.mark.parametrize(
    ("path", "printed"),
    [("/missing", "False 404 {}"), ("/moved", "False 302 {}"), ("/text", "True 200 {}")],
)
def test_an_answer_that_is_no_success_or_no_json(server: Server, path: str, printed: str) -> None:
    show = "{{ rest.ok }} {{ rest.status_code }} {{ rest.json }}"
    assert server.bot().render(f"{{% GET 'stock://{path}' on_error 'continue' %}}{show}") == printed
    assert len(server.asked) == 1  # no redirect was followed


def test_by_default_an_error_fails_the_turn(server: Server) -> None:
    with pytest.raises(TurnError, match="GET failed: status 404"):
        server.bot().render("{% GET 'stock:///missing' %}")


def test_no_answer_is_not_ok(server: Server) -> None:
    bot = built(extension, {"services": [{"name": "gone", "base_url": "http://127.0.0.1:1/"}]})
    template = "{% GET 'gone://x' on_error 'continue' %}{{ rest.ok }} {{ rest.json is defined }}"
    assert bot.render(template) == "False False"
    with pytest.raises(TurnError, match="No connection"):
        bot.render("{% GET 'gone://x' %}")
    with pytest.raises(TurnError, match="larger than"):
        server.bot().render("{% GET 'stock:///large' %}")


def test_answers_are_used_again_for_a_while(server: Server) -> None:
    bot = server.bot(cache=60.0)
    assert [bot.render("{% GET 'stock://x' %}{{ rest.json.n }}") for _ in range(2)] == ["1", "1"]
    assert bot.render("{% GET 'stock://y' %}{{ rest.json.n }}") == "2"
    assert bot.render("{% GET 'stock://x' cache 0 %}{{ rest.json.n }}") == "3"
    assert bot.render("{% GET 'stock:///text' %}{% GET 'stock:///text' %}{{ rest.ok }}") == "True"
    assert len(server.asked) == 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"])
def test_an_address_that_is_not_public_is_not_asked(server: Server, host: str) -> None:
    with pytest.raises(TurnError, match="not public"):
        server.bot().render(f"{{% GET 'http://{host}:{server.http.server_port}/x' %}}")
    assert server.asked == []


@pytest.mark.parametrize(
    "template",
    [
        "{% GET 'stock:////example.org/x' %}",
        "{% GET 'http://example.org/x' service 'stock' %}",
        "{% GET 'ftp://example.org/' %}",
        "{% GET 'nobody://x' %}",
        "{% GET 'stock://x' headers {'a': 'b\\r\\nc: d'} %}",
        "{% GET 'http://example.org:99999/' %}",
        "{% GET '' %}",
        "{% GET 'stock://x' body [].append %}",
        "{{ rest_call(url='stock://x', method='trace') }}",
    ],
)
def test_what_cannot_be_asked_is_an_error_and_nothing_is_sent(server: Server, template: str) -> None:
    with pytest.raises(TurnError, match="cannot be made"):
        server.bot().render(template)
    assert server.asked == []
