"""Asks a language model for each answer, shows it while it is written, and says politely where there is none."""

import logging
import os

from model import Message, Model, Unavailable

from maxbot import MaxBot, Turn
from maxbot.channels.web import WebChannel

logger = logging.getLogger(__name__)

MESSAGES, CHARACTERS = 10, 6000
"""What is remembered of a conversation: that many of its last messages, and no more than so long together."""

LONG = 2000
"""Characters of a message that the model has to think about for a while."""

model = Model(
    url=os.environ.get("MODEL_URL", "http://localhost:8099/v1"),
    name=os.environ.get("MODEL_NAME", "stand-in"),
    key=os.environ.get("MODEL_KEY", ""),
    pause=float(os.environ.get("MODEL_PAUSE", "20")),
    whole=float(os.environ.get("MODEL_WHOLE", "60")),
)
bot = MaxBot(channels=[WebChannel()])


@bot.handler
async def answer(turn: Turn) -> None:
    text = turn.message.get("text")
    if text is None:
        turn.say("I can read texts only.")
    elif text == "/forget":
        turn.state.pop("history", None)
        turn.say("It is forgotten.")
    else:
        if len(text) > LONG:  # decided by the message alone: a second run of this turn must do the same
            await turn.send_now("That is a lot to read. One moment …")
        await converse(turn, text)


async def converse(turn: Turn, text: str) -> None:
    """Say what the model says to a text, and remember both; without an answer, nothing is remembered."""
    asked = latest([*turn.state.get("history", []), {"role": "user", "content": text}])
    try:
        async with turn.stream() as reply:
            async for piece in model.answer(asked):
                await reply.write(piece)
                if await turn.superseded():
                    await reply.write(" … but you have written again.")
                    break
    except Unavailable as error:
        logger.warning("The model has no answer: %s", error)
        turn.say("I cannot think right now. Please ask me again in a minute.")
    else:
        turn.state["history"] = latest([*asked, {"role": "assistant", "content": reply.text}])


def latest(messages: list[Message]) -> list[Message]:
    """Return the last messages that are few and short enough; the very last one always."""
    kept, characters = messages[-1:], len(messages[-1]["content"])
    for message in reversed(messages[-MESSAGES:-1]):
        characters += len(message["content"])
        if characters > CHARACTERS:
            break
        kept.insert(0, message)
    return kept
