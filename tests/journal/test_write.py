"""Where records go, and that nothing about it reaches a turn."""

import asyncio
import contextlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from maxbot.bot import MaxBot
from maxbot.errors import TurnError, UsageError
from maxbot.events import TurnRun, TurnStale, UpdateSetAside
from maxbot.journal.record import FinishedTurn
from maxbot.journal.watch import WatchedBot
from maxbot.journal.write import Journal, as_json, check_journal, open_journal
from maxbot.settings import Settings
from maxbot.types import Dialog

ADA = Dialog("web", "ada")
TIME = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)


def turn(text: str, **more: Any) -> FinishedTurn:
    return FinishedTurn(
        dialog=ADA, utc_time=TIME, message={"text": text}, **{"commands": [{"text": f"You said {text}"}], **more}
    )


FAILED = turn("hi", commands=[], error=TurnError("oh no"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(journal_file=str(tmp_path / "journal"))


def written(settings: Settings, *turns: FinishedTurn, secrets: tuple[str, ...] = ()) -> str:
    journal = open_journal(settings, secrets)
    assert journal is not None
    for each in turns:
        journal.write(each)
    journal.close()
    return Path(settings.journal_file or "").read_text()


def test_a_line_of_json_for_each_turn_is_appended(settings: Settings) -> None:
    written(settings, turn("hi\nyou"))
    lines = written(settings, FAILED).splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "time": "2024-05-14T09:30:00+00:00",
            "dialog": {"channel_name": "web", "user_id": "ada"},
            "message": {"text": "hi\nyou"},
            "response": "<text>You said hi<br />you</text>",
        },
        {
            "time": "2024-05-14T09:30:00+00:00",
            "dialog": {"channel_name": "web", "user_id": "ada"},
            "message": {"text": "hi"},
            "error": {"message": "oh no"},
        },
    ]


def test_or_a_document_of_yaml(settings: Settings) -> None:
    text = written(replace(settings, journal_output="yaml"), turn("grüß dich: --- you"), FAILED)
    first, second, end = yaml.safe_load_all(text)
    assert first["message"] == {"text": "grüß dich: --- you"}
    assert second["error"] == {"message": "oh no"}
    assert end is None


def test_quiet_journals_have_only_what_failed(settings: Settings) -> None:
    (line,) = written(replace(settings, quiet=1), turn("hi"), FAILED).splitlines()
    assert list(json.loads(line)) == ["time", "dialog", "error"]
    assert open_journal(replace(settings, quiet=2), ()) is None


def test_nobody_wants_one_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: False)
    assert open_journal(Settings(), ()) is None


def test_secrets_and_what_was_said_stay_out(settings: Settings) -> None:
    assert "pa$$word" not in written(settings, turn("pa$$word é"), secrets=("pa$$word",))
    text = written(replace(settings, journal_redact=True), turn("my name is Ada"))
    assert "Ada" not in text.splitlines()[-1]
    assert "***" in text.splitlines()[-1]


def test_a_file_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    settings = Settings(journal_file=str(tmp_path / "no" / "journal"))
    with pytest.raises(UsageError, match="--journal-file: cannot write"):
        check_journal(settings)
    check_journal(Settings(journal_file="-"))


def test_a_turn_that_cannot_be_shown_is_logged_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def shown(record: Any) -> str:
        raise RuntimeError("no")

    journal = Journal(os.open(tmp_path / "journal", os.O_WRONLY | os.O_CREAT), shown, (), False)
    journal.write(turn("hi"))
    journal.close()
    assert "cannot be put into the journal" in caplog.text


def test_a_reader_who_does_not_read_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    journal = Journal(writer, as_json, (), False)
    for _ in range(500):
        journal.write(turn("x" * 10_000))
    journal.close()
    read = os.read(reader, 65536)
    assert read.startswith(b'{"time": "2024-05-14')
    thread = journal._writer._thread
    assert thread is not None
    os.set_blocking(reader, False)
    while thread.is_alive():
        with contextlib.suppress(BlockingIOError):
            read += os.read(reader, 65536)
    os.close(reader)
    assert b"lines were dropped" in read


# A bot that is watched ──────────────────────────────────────────────────────────────────────────────────────────────

BOT = MaxBot.inline("""
rpc: [{method: ready}]
dialog:
  - {condition: rpc.ready, response: Ready.}
  - {condition: message.text == 'fail', response: "{{ nobody }}"}
  - {condition: message.text, response: "<text>You said <b>{{ message.text }}</b></text>"}
""")


class Kept(Journal):
    def __init__(self) -> None:
        self.turns: list[FinishedTurn] = []

    def write(self, turn: FinishedTurn) -> None:
        self.turns.append(turn)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_turns_of_a_watched_bot_are_written_when_they_are_stored(kept: Kept) -> None:
    bot = WatchedBot(BOT, kept)
    came = asyncio.run(bot.run_turn({"text": "hi"}, ADA, {}, TIME))
    assert came.commands[0].content["text"] == "You said hi"
    assert kept.turns == []
    bot.observe(TurnRun(ADA, 1, 1, 0.1))
    asyncio.run(bot.run_request({"method": "ready"}, ADA, {}))
    bot.observe(TurnRun(ADA, 2, 1, 0.1))
    with pytest.raises(TurnError, match="nobody") as raised:
        asyncio.run(bot.run_turn({"text": "fail"}, ADA, {}))
    bot.observe(UpdateSetAside(ADA, 3, "nobody", raised.value))
    said, asked, failed = kept.turns
    assert (said.message, said.utc_time, said.commands) == ({"text": "hi"}, TIME, [{"text": "You said hi"}])
    assert (asked.rpc, asked.commands) == ({"method": "ready"}, [{"text": "Ready."}])
    assert isinstance(failed.error, TurnError)
    assert failed.visited.path == ["message.text == 'fail'"]


def test_of_a_turn_that_ran_twice_only_the_one_that_was_committed_is_written(kept: Kept) -> None:
    first, second = WatchedBot(BOT, kept), WatchedBot(BOT, kept)
    asyncio.run(first.run_turn({"text": "hi"}, ADA, {"user": {"n": 1}}, TIME))
    asyncio.run(second.run_turn({"text": "hi"}, ADA, {}, TIME))
    second.observe(TurnRun(ADA, 1, 1, 0.1))
    first.observe(TurnStale(ADA, 1))
    assert [turn.before for turn in kept.turns] == [{}]
    first.observe(TurnRun(ADA, 2, 1, 0.1))  # of somebody who was not watched
    assert len(kept.turns) == 1


def test_a_turn_whose_replies_cannot_be_stored_has_failed(kept: Kept) -> None:
    bot = WatchedBot(BOT, kept)
    asyncio.run(bot.run_turn({"text": "hi"}, ADA, {}, TIME))
    bot.observe(UpdateSetAside(ADA, 1, "too large", ValueError("too large")))
    (turn,) = kept.turns
    assert (turn.message, turn.commands, turn.state, str(turn.error)) == ({"text": "hi"}, [], None, "too large")


def test_an_update_that_is_set_aside_without_a_turn_has_a_record(kept: Kept) -> None:
    WatchedBot(BOT, kept).observe(UpdateSetAside(ADA, 1, "its worker died", None))
    (turn,) = kept.turns
    assert (turn.dialog, str(turn.error)) == (ADA, "its worker died")


def test_a_turn_that_is_ended_is_written_too(kept: Kept) -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Any) -> None:
        await asyncio.sleep(60)

    watched = WatchedBot(bot, kept)

    async def too_slow() -> None:
        async with asyncio.timeout(0.01):
            await watched.run_turn({"text": "hi"}, ADA, {})

    with pytest.raises(TimeoutError):
        asyncio.run(too_slow())
    watched.observe(UpdateSetAside(ADA, 1, "too slow", TimeoutError()))
    assert isinstance(kept.turns[0].error, asyncio.CancelledError)
