"""What we use of uvicorn beyond its documentation, so that a release without it is refused by a test."""

import inspect

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from maxbot.server.edge.http import BoundedHttp, WebServer

OVERRIDDEN = {
    HttpToolsProtocol: [
        *("connection_made", "connection_lost", "data_received", "on_message_begin", "on_headers_complete"),
        *("on_message_complete", "pause_writing", "resume_writing", "shutdown", "_unsupported_upgrade_warning"),
    ],
    uvicorn.Server: ["capture_signals", "on_tick"],
}

CALLED = {
    HttpToolsProtocol: ["send_400_response"],
    uvicorn.Server: ["startup", "main_loop"],
    uvicorn.Config: ["load"],
}

ATTRIBUTES = {
    HttpToolsProtocol: ["transport", "server_state", "cycle", "flow", "url", "headers", "client"],
    RequestResponseCycle: ["keep_alive", "response_complete"],
    FlowControl: ["read_paused"],
    ServerState: ["connections", "tasks"],
    uvicorn.Server: ["servers", "server_state", "should_exit", "config", "lifespan"],
    uvicorn.Config: ["lifespan_class", "backlog"],
}


@pytest.mark.parametrize(("owner", "names"), [*OVERRIDDEN.items(), *CALLED.items()])
def test_uvicorn_has_the_methods_that_we_use(owner: type, names: list[str]) -> None:
    assert [name for name in names if not callable(getattr(owner, name, None))] == []


def test_what_we_override_is_what_we_say() -> None:
    for ours, theirs in ((BoundedHttp, HttpToolsProtocol), (WebServer, uvicorn.Server)):
        own = {name for name, value in vars(ours).items() if callable(value)}
        assert {name for name in own if hasattr(theirs, name) and name != "__init__"} == set(OVERRIDDEN[theirs])


@pytest.mark.parametrize(("owner", "names"), ATTRIBUTES.items())
def test_uvicorn_has_the_attributes_that_we_use(owner: type, names: list[str]) -> None:
    source = inspect.getsource(owner)
    assert [name for name in names if f"self.{name}" not in source] == []
