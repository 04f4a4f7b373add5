"""`python -m benchmarks.dialog`: what loading a bot and a turn of its dialog cost, in processor time.

Without server and database: what was said goes in, what is answered comes out.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from maxbot.bot import MaxBot
from maxbot.types import Dialog, State

ADA = Dialog("web", "ada")
NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
ROUNDS = 7
TURNS = 100

TALK = (
    "please book a table 3",
    "4",
    "lots",
    "tell me about dish 7 sort 3",
    "tomorrow",
    "at 19:30",
    "room 2",
)
"""A conversation with the reservation bot: slots, a digression, and something nobody understands."""


def reservation(intents: int) -> str:
    """Return a bot with intents of 20 examples each, 10 entities and slots."""
    lines = ["intents:", "  - name: book", "    examples:"]
    lines += [f"      - please book a table {number}" for number in range(20)]
    for intent in range(intents - 1):
        lines += [f"  - name: dish{intent}", "    examples:"]
        lines += [f"      - tell me about dish {intent} sort {number}" for number in range(20)]
    lines += ["entities:"]
    for entity in range(10):
        values = ", ".join(f"{{name: v{number}, phrases: [thing {entity} {number}]}}" for number in range(5))
        lines += [f"  - {{name: thing{entity}, values: [{values}]}}"]
    lines += ["  - {name: room, values: [{name: one, phrases: [room 1]}, {name: two, phrases: [room 2]}]}"]
    lines += [SLOTS]
    lines += [f"  - {{condition: intents.dish{intent}, response: Dish {intent}.}}" for intent in range(intents - 1)]
    return "\n".join(lines)


SLOTS = """dialog:
  - condition: intents.book
    label: book
    slot_filling:
      - name: guests
        check_for: entities.number
        prompt: How many guests?
        found: "{% if slots.guests > 20 %}Too many. <prompt_again/>{% endif %}"
        not_found: A number, please.
      - {name: day, check_for: entities.date, prompt: "Which day?"}
      - {name: hour, check_for: entities.time, prompt: "At what time?"}
      - {name: room, check_for: entities.room, prompt: "In which room?"}
    response: "{{ slots.guests }} guests on {{ slots.day }} at {{ slots.hour }} in room {{ slots.room }}."
"""


def tree(nodes: int) -> str:
    """Return a bot of so many nodes, of which the last one answers."""
    conditions = ["message.text == 'word {}'", "intents.greet and slots.x{}", "rpc.method{}"]
    lines = ["intents: [{name: greet, examples: [good day]}]", "dialog:"]
    for number in range(nodes - 1):
        condition = conditions[number % len(conditions)].format(number)
        lines.append(f'  - {{condition: "{condition}", response: Answer {number}.}}')
    return "\n".join([*lines, '  - {condition: true, response: "You said {{ message.text }}."}'])


async def turns(bot: MaxBot, texts: Sequence[str]) -> list[float]:
    """Return the seconds that each turn of a conversation takes."""
    state: State = {}
    seconds = []
    for text in texts:
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.process_time()
            for _ in range(TURNS):
                turn = await bot.run_turn({"text": text}, ADA, state, NOW)
            best = min(best, (time.process_time() - start) / TURNS)
        seconds.append(best)
        state = turn.state
    return seconds


def loaded(text: str) -> tuple[MaxBot, float]:
    """Return the bot, and the seconds that loading it took."""
    start = time.process_time()
    bot = MaxBot.inline(text)
    return bot, time.process_time() - start


def main() -> None:
    """Print the figures, and what they should be."""
    MaxBot.inline("intents: [{name: a, examples: [a]}]\ndialog: [{condition: intents.a, response: '{{ 1 }}'}]")
    for intents, goal in ((30, 0.8), (300, 3.0)):
        bot, seconds = loaded(reservation(intents))
        print(f"reservation, {intents} intents: loaded in {seconds:.3f} s")
        for text, took in zip(TALK, asyncio.run(turns(bot, TALK)), strict=True):
            print(f"  {text:30} {took * 1e3:6.3f} ms  (goal: {goal} ms)")
    few, many = (asyncio.run(turns(loaded(tree(nodes))[0], ["hello"]))[0] for nodes in (20, 2000))
    print(f"a turn of 20 nodes {few * 1e6:.0f} µs, of 2,000 nodes {many * 1e6:.0f} µs: × {many / few:.2f} (goal: 1.5)")


if __name__ == "__main__":
    main()
