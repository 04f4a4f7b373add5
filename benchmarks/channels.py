"""`python -m benchmarks.channels`: what a message costs by channel, in CPU time; in less than a minute.

webhook     verifying and reading one with one text, without server and database: the bytes as they came go in, updates
            come out. The goal is 15 µs
message     the whole: webhook, turn, reply at the platform's API; all processes of a server with one worker
"""

import argparse
import asyncio
import datetime
import os
import platform
import tempfile
import time
from pathlib import Path

from benchmarks.channel_load import cpu_per_message
from benchmarks.report import processor
from benchmarks.webhooks import PLATFORMS, webhook
from maxbot.channels.base import Channel, Request
from maxbot.channels.registry import channel_class

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- channels: begin -->", "<!-- channels: end -->"

GOAL = 15e-6
ROUNDS, CALLS = 9, 2000
MESSAGES = 2000


def seconds_a_webhook(type_: str) -> float:
    """Return the CPU seconds that a webhook takes: the best of several rounds."""
    channel: Channel = channel_class(type_)(**PLATFORMS[type_].options)
    request = Request(*webhook(type_, 7, 1))

    async def measure() -> float:
        start = time.process_time()
        for _ in range(CALLS):
            await channel.receive(request)
        return (time.process_time() - start) / CALLS

    received = asyncio.run(channel.receive(request))
    assert len(received.updates) == 1, "the webhook has a text"
    return min(asyncio.run(measure()) for _ in range(ROUNDS))


def main() -> None:
    """Print the table, and put it into the README where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.channels", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="of each channel")
    parser.add_argument("--readme", action="store_true", help="put the result into benchmarks/README.md")
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    rows = [_row(type_, arguments.messages) for type_ in PLATFORMS]
    about = (
        f"{datetime.date.today():%d %B %Y}; {len(os.sched_getaffinity(0))} CPUs ({processor()}), Python "
        f"{platform.python_version()}. {arguments.messages:,} messages each. Load average before: {before:.1f} (a "
        "quiet machine has below 0.3)."
    )
    head = ["| channel | webhook verified and read | whole message |", "|---|--:|--:|"]
    text = "\n".join([about, "", *head, *rows])
    print(text)
    if arguments.readme:
        start, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{start}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def _row(type_: str, messages: int) -> str:
    seconds = seconds_a_webhook(type_)
    missed = "" if seconds <= GOAL else f" (goal: {GOAL * 1e6:.0f} µs, MISSED)"
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        whole = asyncio.run(cpu_per_message(type_, messages, Path(folder)))
    return f"| {type_} | {seconds * 1e6:.1f} µs{missed} | {whole * 1e6:,.0f} µs |"


if __name__ == "__main__":
    main()
