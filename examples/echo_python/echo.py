"""Says what it hears, and counts."""

from maxbot import MaxBot
from maxbot.bot import Turn
from maxbot.channels.web.channel import WebChannel

bot = MaxBot(channels=[WebChannel()])


@bot.handler
async def handle(turn: Turn) -> None:
    turn.state["count"] = turn.state.get("count", 0) + 1
    if "text" in turn.message:
        turn.say(f"{turn.message['text']} ({turn.state['count']})")
    else:
        turn.say(f"I only know texts. ({turn.state['count']})")
