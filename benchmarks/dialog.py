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


SHAPES = {
    "texts, intents, requests": ["message.text == 'word {}'", "intents.greet and slots.x{}", "rpc.method{}"],
    "texts in small letters": ["message.text|lower == 'w{}'", "message.text.lower() in ['v{}', 'u{}']"],
    "words in a text": ["'word{}' in message.text|lower", "message.text.startswith('w{}')"],
    "variables": ["slots.step == 's{}'", "user.x{} and not slots.done", "user.y{} is defined"],
    "entities": ["entities.thing.v{}", "entities.thing.value == 'v{}'"],
    "buttons": ["message.button and message.button.payload == 'w{}'"],
    "numbers": ["user.age > 1{} and intents.greet", "user.age < 18 and message.text == 'w{}'"],
    "all of these": [
        "message.text|lower == 'w{}'",
        "'word{}' in message.text",
        "slots.step == 's{}'",
        "entities.thing.v{}",
        "not slots.x{} and message.text in ['a{}', 'b{}']",
        "user.lang == 'de' and intents.greet",
        "message.image and slots.x{}",
    ],
    "calls (no keys)": ["message.text|replace('a', 'b') == 'w{}'"],
}
"""What conditions of large bots look like. The last ones have to be evaluated one after the other."""


def tree(nodes: int, conditions: Sequence[str]) -> str:
    """Return a bot of so many nodes, of which the last one answers."""
    lines = ["intents: [{name: greet, examples: [good day]}]", "entities:", "  - name: thing", "    values:"]
    lines += [f"      - {{name: v{number}, phrases: [thing {number}]}}" for number in range(nodes)]
    lines += ["dialog:"]
    for number in range(nodes - 1):
        condition = conditions[number % len(conditions)].replace("{}", str(number))
        lines.append(f'  - {{condition: "{condition}", response: Answer {number}.}}')
    return "\n".join([*lines, '  - {condition: true, response: "You said {{ message.text }}."}'])


async def turns(bot: MaxBot, texts: Sequence[str], state: State) -> list[float]:
    """Return the seconds that each turn of a conversation takes."""
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
        for text, took in zip(TALK, asyncio.run(turns(bot, TALK, {})), strict=True):
            print(f"  {text:30} {took * 1e3:6.3f} ms  (goal: {goal} ms)")
    print("a turn that no node but the last one answers, of bots with 20 and 2,000 nodes (goal: × 1.5):")
    for name, conditions in SHAPES.items():
        few, many = (one_turn(tree(nodes, conditions)) for nodes in (20, 2000))
        print(f"  {name:30} {few * 1e6:5.0f} µs {many * 1e6:5.0f} µs: × {many / few:.2f}")


def one_turn(text: str) -> float:
    """Return the seconds of a turn that finds little."""
    state: State = {"user": {"age": 7, "lang": "en"}, "slots": {"step": "none"}}
    return asyncio.run(turns(loaded(text)[0], ["hello 7"], state))[0]


if __name__ == "__main__":
    main()
