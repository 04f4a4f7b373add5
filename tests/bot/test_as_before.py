"""What Python code of MaxBot 0.3 relies on: names, errors and calls are there and do what they did."""

import asyncio
from typing import Any

import pytest

from maxbot import BotError, MaxBot
from maxbot.errors import LoopRunning, RpcError

FAILING = "dialog: [{condition: true, response: '{{ nobody }}'}]"


def test_a_turn_that_fails_is_an_error_of_the_bot() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline(FAILING).process_message("x")
    error = raised.value
    assert error.message == "'nobody' is undefined"
    assert (error.file, error.line) == ("<inline>", 1)
    (snippet,) = error.snippets
    assert FAILING in snippet
    assert "^" in snippet.splitlines()[-1]
    assert str(error) == "<inline>:1: 'nobody' is undefined"


def test_a_value_that_cannot_be_stored_has_a_message_and_a_place() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline("dialog: [{condition: true, response: '{% set user.x = utc_time %}'}]").process_message("x")
    assert "isoformat" in raised.value.message
    assert raised.value.line == 1
    assert raised.value.snippets


def test_a_mistake_of_a_file_has_snippets_too() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline("dialog: [{condition: true}]\nintents: [{name: x}]")
    assert [text.splitlines()[0].strip() for text in raised.value.snippets] == ["1 | dialog: [{condition: true}]"] * 2


def test_a_request_that_is_refused_has_code_message_and_data() -> None:
    with pytest.raises(RpcError) as raised:
        MaxBot.inline("rpc: [{method: a}]").process_rpc({"method": "b"})
    assert (raised.value.code, raised.value.message, raised.value.data) == (-32601, "Method not found", "b")


def test_a_turn_that_blocks_is_refused_where_an_event_loop_runs() -> None:
    bot: Any = MaxBot.inline(FAILING)

    async def inside() -> None:
        bot.process_message("x")

    with pytest.raises(RuntimeError, match="event loop") as raised:
        asyncio.run(inside())
    assert isinstance(raised.value, LoopRunning)
