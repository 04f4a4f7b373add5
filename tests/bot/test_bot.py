import asyncio
import traceback
from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.bot.handler import Turn
from maxbot.channels.base import Channel
from maxbot.errors import BotError, TurnError, UsageError
from maxbot.types import Command, Dialog, TurnResult

ADA = Dialog("web", "ada")


def run_turn(bot: MaxBot, text: str = "hello", state: dict[str, Any] | None = None) -> TurnResult:
    return asyncio.run(bot.run_turn({"text": text}, ADA, state or {}))


class Pigeon(Channel):
    name = "pigeon"


def test_a_handler_is_given_the_turn() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["count"] = turn.state.get("count", 0) + 1
        turn.say(f"{turn.dialog.user}: {turn.message['text']} {turn.state['count']}")

    assert run_turn(bot, state={"count": 4}) == TurnResult([Command({"text": "ada: hello 5"})], {"count": 5})


def test_a_turn_changes_neither_state_nor_message() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["list"].append(2)
        turn.message["text"] = "changed"

    state, message = {"list": [1]}, {"text": "hello"}
    turn = asyncio.run(bot.run_turn(message, ADA, state))
    assert (state, message) == ({"list": [1]}, {"text": "hello"})
    assert turn.state == {"list": [1, 2]}


def test_what_a_handler_keeps_does_not_reach_into_the_stored_state() -> None:
    bot = MaxBot()
    kept: list[int] = []

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["list"] = kept

    turn = run_turn(bot)
    kept.append(1)
    assert turn.state == {"list": []}


def helper_that_fails() -> None:
    raise LookupError("no such book")


def test_an_error_names_the_line_of_the_bots_own_code() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        helper_that_fails()

    line = helper_that_fails.__code__.co_firstlineno + 1
    with pytest.raises(TurnError, match=rf"tests/bot/test_bot.py:{line}: LookupError: no such book") as caught:
        run_turn(bot)
    shown = "".join(traceback.format_exception(caught.value))
    assert 'raise LookupError("no such book")' in shown
    assert isinstance(caught.value.__cause__, LookupError)


def test_an_error_inside_a_library_names_the_line_that_called_it() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        int.from_bytes("x")  # type: ignore[arg-type]
        asyncio.run(None)  # type: ignore[arg-type]

    with pytest.raises(TurnError, match=rf":{handle.__code__.co_firstlineno + 2}: TypeError"):
        run_turn(bot)


def test_a_wrong_reply_names_the_line_that_made_it() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.say("fine")
        turn.say(5)  # type: ignore[arg-type]

    line = handle.__code__.co_firstlineno + 3
    with pytest.raises(TurnError, match=rf"test_bot.py:{line}: the text of a reply is a str, not int"):
        run_turn(bot)


def test_a_state_that_cannot_be_stored_names_the_key() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["seen"] = {1, 2}

    with pytest.raises(TurnError, match=r"test_bot.py:\d+: state\['seen'\] is of type set"):
        run_turn(bot)


def test_a_state_that_was_replaced_by_something_else_is_refused() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state = None  # type: ignore[assignment]

    with pytest.raises(TurnError, match="state is a dict, not NoneType"):
        run_turn(bot)


def test_a_handler_cannot_stop_the_server() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        raise SystemExit(3)

    with pytest.raises(TurnError, match="SystemExit: 3"):
        run_turn(bot)


def test_cancelling_a_turn_passes_through() -> None:
    bot = MaxBot()

    async def cancel() -> None:
        started = asyncio.Event()

        @bot.handler
        async def handle(turn: Turn) -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(bot.run_turn({"text": "hello"}, ADA, {}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


def test_a_reply_after_the_turn_is_an_error_of_whoever_adds_it() -> None:
    bot = MaxBot()
    turns = []

    @bot.handler
    async def handle(turn: Turn) -> None:
        turns.append(turn)

    run_turn(bot)
    with pytest.raises(TurnError, match="the turn is over"):
        turns[0].say("late")


def test_a_handler_is_async() -> None:
    with pytest.raises(BotError, match="a handler is an async function"):

        @MaxBot().handler  # type: ignore[type-var]
        def handle(turn: Turn) -> None:
            pass


def test_a_bot_has_one_handler() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        pass

    with pytest.raises(BotError, match="the bot has a handler already") as caught:
        bot.handler(handle)
    assert caught.value.line is not None


def test_a_bot_without_a_handler_fails_its_turns() -> None:
    with pytest.raises(TurnError, match="the bot has no handler"):
        run_turn(MaxBot())


def test_own_channels_join_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("dialog: []\n")
    pigeon = Pigeon()
    assert MaxBot.from_directory(tmp_path, channels=[pigeon]).channels.by_name == {"pigeon": pigeon}
    assert MaxBot.from_file(tmp_path / "bot.yaml", channels=[pigeon]).channels.by_name == {"pigeon": pigeon}


def test_the_files_of_a_bot_are_known(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("dialog: []\n")
    assert MaxBot.from_directory(tmp_path).files == [tmp_path / "bot.yaml"]
    assert MaxBot.inline("dialog: []").files == []


@pytest.mark.parametrize("name", ["", "a:b", "a/b"])
def test_a_channel_has_a_name_that_fits_into_a_path(name: str) -> None:
    channel = Pigeon()
    channel.name = name
    with pytest.raises(BotError, match="needs a name without colon and slash"):
        MaxBot(channels=[channel])


def test_two_channels_have_two_names() -> None:
    with pytest.raises(BotError, match="two channels with the name 'pigeon'"):
        MaxBot(channels=[Pigeon(), Pigeon()])


def test_a_channel_is_an_object_of_a_channels_class() -> None:
    with pytest.raises(BotError, match="channels are objects"):
        MaxBot(channels=[Pigeon])  # type: ignore[list-item]


COUNTER = "dialog:\n  - condition: true\n    response: '{% set user.n = user.n|default(0) + 1 %}{{ user.n }}'\n"


def test_process_message_remembers_each_dialog() -> None:
    bot = MaxBot.inline(COUNTER)
    said = [
        bot.process_message("a"),
        bot.process_message({"text": "b"}),
        bot.process_message("c", ADA),
        bot.process_message("d", {"channel_name": "web", "user_id": "ada"}),
        bot.process_message("e", {"channel_name": "web", "user_id": "bob"}),
    ]
    assert said == [[{"text": number}] for number in ("1", "2", "1", "2", "1")]


def test_process_message_forgets_a_turn_that_failed() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["n"] = turn.state.get("n", 0) + 1
        if turn.message["text"] == "fail":
            raise ValueError("failed")
        turn.say(str(turn.state["n"]))

    assert bot.process_message("go") == [{"text": "1"}]
    with pytest.raises(TurnError):
        bot.process_message("fail")
    assert bot.process_message("go") == [{"text": "2"}]


def test_process_message_inside_an_event_loop_says_what_to_do() -> None:
    async def inside() -> None:
        with pytest.raises(UsageError, match=r"await bot\.run_turn"):
            MaxBot.inline(COUNTER).process_message("hello")

    asyncio.run(inside())


def test_process_message_says_what_a_dialog_lacks() -> None:
    with pytest.raises(UsageError, match="user_id is missing"):
        MaxBot.inline(COUNTER).process_message("hello", {"channel_name": "web"})
