"""A bot that type checkers find nothing in."""

from collections.abc import Mapping
from typing import Any

from maxbot import MaxBot, Turn
from maxbot.bot.context import TurnContext

builder = MaxBot.builder()
bot = MaxBot()


@bot.handler
async def handle(turn: Turn) -> None:
    turn.state["seen"] = turn.message.get("text")
    if "image" in turn.message:
        turn.say(turn.message["image"].get("caption", "a picture"))
    turn.say(f"{turn.user_id} on {turn.channel_name}", resend=False)
    turn.add({"image": {"url": "https://example.com/a.png", "caption": "A"}})
    turn.add({"buttons": {"text": "Which?", "buttons": [{"title": "Red", "payload": "r"}]}})
    turn.add({"text": "bold", "formats": [{"style": "bold", "start": 0, "end": 4}]})
    turn.add_own({"sticker": {"id": 5}})
    for reply in await turn.hand_on():
        print(reply["text"])


@builder.before_turn
def greet(ctx: TurnContext) -> None:
    ctx.scenario.greeting = "Hello"
    ctx.state.user["visits"] = 1


@builder.after_turn
async def note(ctx: TurnContext, listening: bool) -> None:
    ctx.commands.append({"text": str(listening)})


@builder.template_filter()
def backwards(text: str) -> str:
    return text[::-1]


def shop(builder: Any, config: Mapping[str, Any]) -> None:
    builder.add_template_global(1, "rate")


backwards("abc").upper()
MaxBot.inline("{}", available_extensions={"shop": shop}).process_message("hi")
