"""Links in texts, for platforms that show a text as it is: their addresses are written behind them."""

import msgspec

from maxbot.commands import Format


def written_out(text: str, formats: tuple[Format, ...]) -> tuple[str, tuple[Format, ...]]:
    """Return a text in which the address of each link is in brackets behind it, and the formats of that text."""
    others = tuple(one for one in formats if one.style != "link")
    links = [one for one in formats if one.style == "link"]
    # From the last to the first: what stands before a place keeps its own.
    for link in sorted(links, key=lambda one: one.end, reverse=True):
        if not link.url or text[link.start : link.end] == link.url:
            continue
        address = f" ({link.url})"
        text = text[: link.end] + address + text[link.end :]
        others = tuple(_moved(one, link.end, len(address)) for one in others)
    return text, others


def _moved(one: Format, place: int, by: int) -> Format:
    return msgspec.structs.replace(
        one,
        start=one.start + by if one.start >= place else one.start,
        end=one.end + by if one.end > place else one.end,
    )
