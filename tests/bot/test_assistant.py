"""The example examples/assistant, with its stand-in of a language model."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import maxbot
from maxbot import MaxBot
from maxbot.bot import load_bot
from maxbot.testing import Conversation
from tests.support.processes import Server, eventually, free_port, get
from tests.test_readme import ask

EXAMPLE = Path(maxbot.__file__).parent.parent / "examples" / "assistant"
SORRY = {"text": "I cannot think right now. Please ask me again in a minute."}


@contextmanager
def model(pause: float) -> Iterator[str]:
    """The URL of a model that waits so many seconds before each word."""
    port = free_port()
    command = [sys.executable, str(EXAMPLE / "stand_in.py"), "--port", str(port), "--pause", str(pause)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually(partial(listens, port))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    """The URL of a model that is quick."""
    with model(0.01) as url:
        yield url


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load the bot for a model at this URL."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(url: str, **settings: str) -> MaxBot:
        for name, value in {"MODEL_URL": url, **settings}.items():
            monkeypatch.setenv(name, value)
        return load_bot(str(EXAMPLE / "assistant.py"))

    yield loaded
    for name in ("assistant", "model"):
        sys.modules.pop(name, None)


def told(messages: int, last: str) -> dict[str, str]:
    return {"text": f"I was told {messages} messages, and the last one is: {last}"}


def test_it_answers_with_what_was_said_before(load: Any, stand_in: str) -> None:
    bot = load(stand_in)
    ada, bob = Conversation(bot), Conversation(bot)
    ada.says("hello").expects(told(1, "hello"))
    ada.says("and then?").expects(told(3, "and then?"))
    bob.says("hello").expects(told(1, "hello"))
    ada.says("/forget").expects("It is forgotten.")
    ada.says("again").expects(told(1, "again"))
    ada.says({"image": {"url": "https://example.org/cat.png"}}).expects("I can read texts only.")


def test_the_history_has_a_limit(load: Any, stand_in: str) -> None:
    user = Conversation(load(stand_in))
    for number in range(8):
        user.says(f"message {number}")
    user.expects(told(10, "message 7"))
    assert len(user.state["history"]) == 10
    user.says("long " + "x" * 5500)
    assert sum(len(message["content"]) for message in user.state["history"]) <= 6000 + 5500


@pytest.mark.parametrize(
    ("settings", "said"), [({}, "fail"), ({"MODEL_PAUSE": "0.2"}, "hang"), ({"MODEL_WHOLE": "0.2"}, "hang")]
)
def test_without_an_answer_it_is_polite_and_remembers_nothing(
    load: Any, stand_in: str, settings: dict[str, str], said: str
) -> None:
    user = Conversation(load(stand_in, **settings))
    user.says("hello")
    user.says(said).expects(SORRY)
    assert [message["content"] for message in user.state["history"]] == ["hello", told(1, "hello")["text"]]


def test_without_a_model_it_is_polite(load: Any) -> None:
    Conversation(load(f"http://127.0.0.1:{free_port()}/v1")).says("hello").expects(SORRY)


def test_what_came_before_the_model_broke_off_is_said(load: Any, stand_in: str) -> None:
    Conversation(load(stand_in)).says("break it").expects({"text": "I was told 1 messages, and the …"})


@pytest.mark.faults
def test_the_server_answers_though_the_worker_dies_that_heard_it(stand_in: str, tmp_path: Path) -> None:
    environment = {"MODEL_URL": stand_in, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path)}
    post = 'curl localhost:8080/web -H \'Content-Type: application/json\' -d \'{"user_id": "me", "text": "%s"}\''
    fetch = "curl 'localhost:8080/web/replies?user_id=me&after=0&wait=0'"
    with Server.maxbot(EXAMPLE / "assistant.py", tmp_path / "log", environment=environment, workers=2) as server:
        ask(post % "fail", server.port)
        eventually(lambda: SORRY["text"] in ask(fetch, server.port))
        eventually(lambda: "The model has no answer: its status is 500" in server.log)
        ask(post % "hello", server.port)
        for worker in server.workers():
            worker.kill()
        eventually(lambda: get(server.port, "/health/ready") == 200)
        eventually(lambda: told(1, "hello")["text"] in ask(fetch, server.port))
        assert ask(fetch, server.port).count("hello") == 1


def test_a_long_message_gets_a_word_at_once(load: Any, stand_in: str) -> None:
    long = "word " * 500
    Conversation(load(stand_in)).says(long).expects("That is a lot to read. One moment …", told(1, long))


def test_the_answer_is_seen_while_it_is_written_and_cut_short_by_the_next_message(tmp_path: Path) -> None:
    with model(0.3) as url:
        environment = {"MODEL_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path)}
        with Server.maxbot(EXAMPLE / "assistant.py", tmp_path / "log", environment=environment) as server:
            say = 'curl localhost:8080/web -H \'Content-Type: application/json\' -d \'{"user_id": "me", "text": "%s"}\''
            fetch = "curl 'localhost:8080/web/replies?user_id=me&after=%d&wait=20&drafts=1'"
            ask(say % ("one two three four five six seven eight nine ten " * 4), server.port)
            seen = [json.loads(ask(fetch % 0, server.port))["draft"] for _ in range(3)]
            assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
            assert seen[0] < seen[1] < seen[2]
            ask(say % "stop", server.port)
            answer: dict[str, Any] = {"replies": []}
            while not answer["replies"]:
                answer = json.loads(ask(fetch % 0, server.port))
            (reply,) = answer["replies"]
            assert reply["text"].startswith(seen[-1])
            assert reply["text"].endswith(" … but you have written again.")
            after = fetch.replace("&drafts=1", "") % reply["n"]
            assert "the last one is: stop" in ask(after, server.port)


def test_the_readme_names_the_settings_there_are() -> None:
    code, readme = (EXAMPLE / "assistant.py").read_text(), (EXAMPLE / "README.md").read_text()
    assert sorted(re.findall(r"MODEL_\w+", code)) == sorted(set(re.findall(r"MODEL_\w+", readme)))
