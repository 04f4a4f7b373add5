"""What became of a request: every way in which a call can fail, against servers that fail so."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from maxbot.channels import client as client_module
from maxbot.channels.client import ApiClient
from maxbot.errors import OutcomeUnknown, RetryLater, SendError
from maxbot.testing.channels import ApiStandIn
from tests.channels.support import eventually, whole_text

SECRET = "123456:never-to-be-seen"
PATH = f"/bot{SECRET}/send"


@asynccontextmanager
async def calling(url: str, timeout: float = 5.0) -> AsyncIterator[ApiClient]:
    client = ApiClient(url, timeout)
    try:
        yield client
    finally:
        await client.close()


def run(scenario: Callable[[ApiStandIn, ApiClient], Coroutine[Any, Any, None]], timeout: float = 5.0) -> None:
    async def main() -> None:
        async with ApiStandIn() as api, calling(api.url, timeout) as client:
            await scenario(api, client)

    asyncio.run(main())


async def failure(client: ApiClient) -> SendError:
    with pytest.raises(SendError) as caught:
        await client.post_json(PATH, {"text": "hello"})
    assert SECRET not in whole_text(caught.value)
    assert caught.value.__context__ is None
    return caught.value


def test_json_goes_out_and_bytes_come_back() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer(418, b"tea")
        assert (await client.post_json("/a%3Fb", {"text": "Grüße 😀"}))[:2] == (418, b"tea")
        assert api.requests == [("POST", "/a%3Fb", '{"text":"Grüße 😀"}'.encode())]

    run(scenario)


def test_connections_are_used_again() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        for _ in range(3):
            await client.post_json("/", {})
        assert api.connections == 1

    run(scenario)


def test_a_redirect_is_not_followed() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer(307, b"", {"Location": "/elsewhere"})
        assert (await client.post_json("/", {}))[0] == 307
        assert len(api.requests) == 1

    run(scenario)


def test_a_refused_connection_sent_nothing() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.refuse()
        assert isinstance(await failure(client), RetryLater)

    run(scenario)


def test_an_unknown_host_sent_nothing() -> None:
    async def main() -> None:
        async with calling("http://nobody.invalid") as client:
            error = await failure(client)
        assert isinstance(error, RetryLater)
        assert str(error) == "No connection: the host's name is not known"

    asyncio.run(main())


def test_a_connection_that_is_not_made_in_time_sent_nothing() -> None:
    """The queue of a listener that accepts nobody is full, so that further connections wait."""

    async def main() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            try:
                async with calling(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.4) as client:
                    error = await failure(client)
            finally:
                for filler in fillers:
                    filler.close()
        assert isinstance(error, RetryLater)
        assert str(error) == "No connection in time"

    asyncio.run(main())


def test_a_server_without_tls_got_nothing() -> None:
    async def main() -> None:
        async with ApiStandIn() as api, calling(api.url.replace("http:", "https:"), 2.0) as client:
            assert isinstance(await failure(client), RetryLater)
            assert not api.requests

    asyncio.run(main())


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops",
        b"SSH-2.0-server\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        b"\0\xff" * 50,
    ],
)
def test_a_broken_response_tells_nothing(response: bytes) -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer_cut(response)
        assert isinstance(await failure(client), OutcomeUnknown)
        assert len(api.requests) == 1

    run(scenario)


def test_a_reset_connection_tells_nothing() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer_reset()
        assert isinstance(await failure(client), OutcomeUnknown)

    run(scenario)


def test_no_answer_in_time_tells_nothing() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.never_answer()
        assert isinstance(await failure(client), OutcomeUnknown)

    run(scenario, timeout=0.2)


def test_an_answer_that_trickles_does_not_last_longer_than_the_timeout() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert isinstance(await failure(client), OutcomeUnknown)
        assert time.monotonic() - began < 20

    run(scenario, timeout=0.2)


def test_a_call_can_have_its_own_timeout() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.never_answer()
        with pytest.raises(OutcomeUnknown):
            await client.post_json("/", {}, timeout=0.1)

    run(scenario, timeout=60.0)


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer_cut(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        assert (await client.post_json("/", {}))[:2] == (200, b"{}")
        api.answer(200, b"{}")
        # The close has arrived; what is left of the connection is to be thrown away.
        idle = client._transport._connections._idle
        await eventually(lambda: not any(connection.reusable for connection in idle))
        assert (await client.post_json("/", {}))[:2] == (200, b"{}")
        assert api.connections == 2

    run(scenario)


def test_a_used_connection_that_closes_at_a_request_tells_nothing_and_sends_once() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        await client.post_json("/", {})
        api.answer_cut()
        assert isinstance(await failure(client), OutcomeUnknown)
        assert (api.connections, len(api.requests)) == (1, 2)

    run(scenario)


def test_a_large_response_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RESPONSE_LIMIT", 1000)

    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer(200, b"x" * 1000)
        assert (await client.post_json("/", {}))[1] == b"x" * 1000
        api.answer_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 2000)
        assert str(await failure(client)) == "The response is larger than 1000 bytes"

    run(scenario)


def test_slow_calls_hold_up_no_other_one() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        release = asyncio.Event()

        async def respond(method: str, path: str, body: bytes) -> bytes:
            if path == "/slow":
                await release.wait()
            return b"{}"

        api.answer_by(respond)
        slow = [asyncio.create_task(client.post_json("/slow", {})) for _ in range(200)]
        await eventually(lambda: len(api.requests) == 200)
        assert (await client.post_json("/quick", {}))[:2] == (200, b"{}")
        assert not any(task.done() for task in slow)
        release.set()
        assert {call[:2] for call in await asyncio.gather(*slow)} == {(200, b"{}")}

    run(scenario)


@pytest.mark.parametrize("connections", [1, 2])
def test_more_calls_than_connections_wait_for_their_turn_and_it_is_said(
    connections: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        few = ApiClient(api.url, 10.0, connections=connections)
        answers = await asyncio.gather(*(few.post_json(f"/{number}", {}) for number in range(10)))
        await few.close()
        assert {answer.status for answer in answers} == {200}
        assert api.most_open <= connections
        asked = [path for _, path, _ in api.requests]
        # Of two connections the one may be made, and carry several calls, before the other one is.
        in_order = asked if connections == 1 else sorted(asked)
        assert in_order == [f"/{number}" for number in range(10)]
        (said,) = caplog.messages
        assert said.startswith(f"All {connections} connections to 127.0.0.1 are in use")

    run(scenario)


def test_forms_queries_and_headers() -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        api.answer(429, b"later", {"Retry-After": "7"})
        answer = await client.post_form("/form", {"text": "a&b ü", "n": "1"})
        assert (answer.status, answer.body, answer.headers["retry-after"]) == (429, b"later", "7")
        await client.get("/get", {"q": "a&b ü"})
        await client.get("/get")
        assert api.requests == [
            ("POST", "/form", b"text=a%26b+%C3%BC&n=1"),
            ("GET", "/get?q=a%26b+%C3%BC", b""),
            ("GET", "/get", b""),
        ]

    run(scenario)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/ü", "/\0"])
def test_a_path_that_would_be_another_request_is_refused(path: str) -> None:
    async def scenario(api: ApiStandIn, client: ApiClient) -> None:
        with pytest.raises(ValueError, match="percent-encoded"):
            await client.post_json(path, {})
        assert not api.requests

    run(scenario)


def test_a_header_with_a_line_break_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="cannot be sent") as caught:
            ApiClient("http://127.0.0.1:1", 1.0, headers={"Authorization": f"{SECRET}\r\nX: y"})
        assert SECRET not in whole_text(caught.value)

    asyncio.run(main())


def test_calls_go_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with ApiStandIn() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "other.example")
            proxy.answer(200, b"{}", {"Retry-After": "1"})
            async with calling("http://api.example/v1") as client:
                response = await client.post_json("/send", {"text": "hello"})
            assert (response.status, response.body, response.headers["retry-after"]) == (200, b"{}", "1")
            assert proxy.requests == [("POST", "http://api.example/v1/send", b'{"text":"hello"}')]
            async with calling("http://other.example.invalid") as client:
                proxy.answer(407, b"")
                assert (await client.post_json("/", {})).status == 407  # not among the exceptions
            proxy.answer_reset()
            async with calling("http://api.example") as client:
                assert isinstance(await failure(client), OutcomeUnknown)
            proxy.refuse()
            async with calling("http://api.example") as client:
                assert isinstance(await failure(client), RetryLater)
        async with ApiStandIn() as api, calling(api.url) as client:
            assert (await client.post_json("/", {})).status == 200, "this machine needs no proxy"

    asyncio.run(main())
