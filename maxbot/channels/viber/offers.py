"""What was offered to be pressed, as it travels with a message and comes back with the user's answer.

Viber has no event for a button: the text behind it arrives as if the user had written it. Each message may carry
`tracking_data`, which the answer brings back (up to 4,000 characters): so the offer is there where it is needed, and
in no worker's memory.

    {"maxbot": [["Red", "red"], ["Blue", "blue"]]}      title and what the bot gets, in order
"""

from collections.abc import Sequence

import msgspec

from maxbot.commands import Button
from maxbot.types import Message

LIMIT = 4000


class _Offer(msgspec.Struct):
    maxbot: list[tuple[str, str]]


_decoder = msgspec.json.Decoder(_Offer)


def written(buttons: Sequence[Button]) -> str:
    """Return an offer as text; empty where it would be too long, and presses are texts then."""
    offered = [(button.title, button.value) for button in buttons if not button.url]
    text = msgspec.json.encode(_Offer(offered)).decode() if offered else ""
    return text if len(text) <= LIMIT else ""


def answered(text: str, tracking_data: str) -> Message:
    """Return what a user said: a press where it is what stands behind a button of the last message, or its title."""
    for title, value in _offered(tracking_data):
        if text in (value, title):
            return {"text": title, "button": {"payload": value, "title": title}}
    return {"text": text}


def _offered(tracking_data: str) -> list[tuple[str, str]]:
    if not tracking_data.startswith('{"maxbot":'):
        return []
    try:
        return _decoder.decode(tracking_data).maxbot
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return []
