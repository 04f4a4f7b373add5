"""A bot whose replies say how many turns of the user it remembers. The environment makes it slow, and has it killed."""

import asyncio
import os
import time
from pathlib import Path

from maxbot import MaxBot
from maxbot.bot import Turn
from maxbot.channels.telegram import TelegramChannel
from tests.support.fuses import Fuses

REPLIES = int(os.environ.get("E2E_REPLIES", "1"))
"""To each message."""

EARLY = int(os.environ.get("E2E_EARLY", "0"))
"""How many of them leave before the handler ends, which burns its fuse behind each."""

EARLY_PAUSE = 0.01
"""Seconds after an early reply, in which it is sent."""

WORK = float(os.environ.get("E2E_WORK", "0"))
"""Seconds that a turn takes."""

SLOW_FROM = 1_000
"""Chats from this number on are slow: their turns take `SLOW_WORK` seconds."""

SLOW_WORK = float(os.environ.get("E2E_SLOW_WORK", "0"))

CLOCK = float(os.environ.get("E2E_CLOCK", "0"))
"""Seconds by which this host's clock is ahead."""

if CLOCK:
    right = time.time
    time.time = lambda: right() + CLOCK

bot = MaxBot(
    channels=[
        TelegramChannel(
            api_token=os.environ["E2E_TOKEN"],
            api_url=os.environ["E2E_API_URL"],
            secret_token=os.environ.get("E2E_SECRET"),
        )
    ]
)

fuses = Fuses(Path(os.environ["E2E_FUSES"])) if "E2E_FUSES" in os.environ else None
if fuses is not None:
    fuses.install()


@bot.handler
async def handle(turn: Turn) -> None:
    turns = turn.state["turns"] = turn.state.get("turns", 0) + 1
    seconds = SLOW_WORK if int(turn.dialog.user) >= SLOW_FROM else WORK
    if seconds:
        await asyncio.sleep(seconds)
    if fuses is not None:
        fuses.burn("running")
    text = turn.message["text"]
    for index in range(1, REPLIES + 1):
        reply = f"{text}#{index} {turns}" if REPLIES > 1 else f"{text} {turns}"
        if index > EARLY:
            turn.say(reply)
            continue
        stored = turn.send_now(reply)
        if fuses is not None:
            fuses.burn("running")  # before it is stored
            await stored
            fuses.burn("running")  # before it is sent
            await asyncio.sleep(EARLY_PAUSE)
            fuses.burn("running")
