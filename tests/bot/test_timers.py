"""What a turn may set for later, in Python, in templates and in hooks, and how it comes back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.bot.handler import Turn
from maxbot.errors import BotError, RpcError, TurnError
from maxbot.testing import Conversation
from maxbot.types import Dialog, TurnResult

YAML = """
rpc:
  - method: remind
    params: [{name: what, required: true}]
dialog:
  - condition: rpc.remind
    response: "Time for {{ params.what }}"
  - condition: message.text == 'stop'
    response: "{% do cancel_later('remind') %}Well"
  - condition: message.text == 'wrong'
    response: "{% do later(5, 'nothing') %}Well"
  - condition: message.text
    response: |
      {% set slots.id = later(3600, 'remind', {'what': message.text}) %}
      In an hour
"""

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)


def run(bot: MaxBot, text: str) -> TurnResult:
    return asyncio.run(bot.run_turn({"text": text}, Dialog("test", "ada"), {}))


def reminding() -> MaxBot:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        arguments: dict[str, Any] = {
            "nan": (float("nan"), "remind"),
            "negative": (-1, "remind"),
            "long": (400 * 86400, "remind"),
            "text": ("5", "remind"),
            "unknown": (5, "nothing"),
            "nameless": (5, ""),
            "params": (5, "remind", [1]),
            "object": (5, "remind", {"a": object()}),
        }
        text = turn.message["text"]
        if text in arguments:
            turn.later(*arguments[text])
        if text == "stop":
            turn.cancel_later("remind")
        elif text == "many":
            for number in range(101):
                turn.later(number, "remind")
        else:
            id = turn.later(3600, "remind", {"what": text})
            turn.later(7200, "remind", {"what": f"{text} again"})
            if text == "once":
                turn.cancel_later(id)
        turn.say("Well")

    @bot.rpc(http=False)
    async def remind(turn: Turn) -> None:
        assert turn.request == {"method": "remind", "params": turn.params}
        turn.state["reminded"] = turn.params["what"]
        turn.say(f"Time for {turn.params['what']}")

    return bot


def test_a_timer_of_a_python_bot_comes_back() -> None:
    ada = Conversation(reminding(), utc_time=NOON)
    ada.says("tea").expects("Well")
    assert ada.waits(minutes=59).turns[-1].rpc is None
    ada.waits(minutes=1).expects("Time for tea")
    ada.waits(hours=1).expects("Time for tea again")
    assert ada.state == {"reminded": "tea again"}
    assert len(ada.waits(days=10).turns) == 3


def test_timers_are_cancelled_by_name_and_by_id() -> None:
    ada = Conversation(reminding(), utc_time=NOON)
    ada.says("once").waits(hours=3).expects("Time for once again")
    ada.says("tea").says("stop")
    assert ada.waits(days=1).turns[-1].rpc is None


def test_a_timer_of_a_template_comes_back() -> None:
    ada = Conversation(MaxBot.inline(YAML), utc_time=NOON)
    ada.says("tea").expects("In an hour").waits(hours=1).expects("Time for tea")
    ada.says("cake").says("stop")
    assert ada.waits(days=1).turns[-1].rpc is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nan", "seconds is a number"),
        ("negative", "seconds is from 0 to"),
        ("long", "a year"),
        ("text", "seconds is a number, not '5'"),
        ("unknown", "Method not found"),
        ("nameless", "1 to 200 characters"),
        ("params", "params is a dict, not list"),
        ("object", "not a JSON value"),
        ("many", "100 timers at most"),
    ],
)
def test_what_cannot_be_set_fails_with_the_line_of_the_bot(text: str, said: str) -> None:
    with pytest.raises(TurnError, match=r"test_timers\.py:\d+: .*" + said):
        run(reminding(), text)


def test_a_template_that_asks_for_an_unknown_method_fails_with_its_line() -> None:
    with pytest.raises(TurnError, match=r"later: the bot would refuse this request: Method not found"):
        run(MaxBot.inline(YAML), "wrong")


def test_a_condition_sets_no_timer() -> None:
    with pytest.raises(BotError, match="later is for responses"):
        MaxBot.inline("dialog: [{condition: \"later(5, 'x')\", response: a}]")


def test_a_handler_hands_on_what_the_dialog_has_set() -> None:
    bot = MaxBot.inline(YAML)

    @bot.handler
    async def handle(turn: Turn) -> None:
        await turn.hand_on()
        turn.later(60, "remind", {"what": "soup"})

    (first, second) = run(bot, "tea").timers.set
    assert (first.params, second.params) == ({"what": "tea"}, {"what": "soup"})


def test_hooks_set_timers() -> None:
    builder = MaxBot.builder()

    @builder.after_turn
    def remind(ctx: Any) -> None:
        ctx.cancel_later("remind")
        ctx.later(60, "remind", {"what": "soup"})

    builder.use_inline_resources(YAML)
    changes = run(builder.build(), "tea").timers
    assert [timer.params for timer in changes.set] == [{"what": "soup"}]
    assert changes.cancelled == ("remind",)


def test_a_method_of_the_bots_own_is_not_served_to_others() -> None:
    bot = reminding()
    assert not bot.has_requests
    with pytest.raises(RpcError, match="Method not found"):
        bot.check_request({"method": "remind", "params": {}})

    @bot.rpc("call")
    async def call(turn: Turn) -> None:
        turn.say("Ring")

    bot.check_request({"method": "call"})
    assert bot.has_requests
    assert bot.process_rpc({"method": "call"}) == [{"text": "Ring"}]
    with pytest.raises(BotError, match="has a method 'call' already"):
        bot.rpc("call")(call)
