"""Mistakes that type checkers find: each line with `# wrong` has one, and no other line."""

from maxbot import MaxBot, Turn

bot = MaxBot()


@bot.handler
async def handle(turn: Turn) -> None:
    turn.say(5)  # wrong
    turn.message["txet"]  # wrong
    turn.message["image"]["uri"]  # wrong
    turn.add({"txet": "hello"})  # wrong
    turn.add({"image": {"ulr": "https://example.com/a.png"}})  # wrong
    turn.add({"location": {"latitude": 1.0}})  # wrong
    turn.add({"text": "a", "formats": [{"style": "blinking", "start": 0, "end": 1}]})  # wrong
    turn.ask("what")  # wrong
    print(turn.dialog.chanel_name)  # wrong
    turn.hand_on().upper()  # wrong


@bot.handler  # wrong
def not_async(turn: Turn) -> None:
    turn.say("hello")
