"""What a reply becomes on a channel: what it cannot send is replaced, what is too long is split.

Each part is a command of its own, stored with the turn: a crash in the middle repeats one part and not all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

import msgspec

from maxbot.channels.split import Limit, spans
from maxbot.commands import Button, Buttons, Content, Format, Native, QuickReplies, Reply, Text, read
from maxbot.errors import TurnError

logger = logging.getLogger(__name__)

MOST_PARTS = 10
"""More messages than this are no long text, but a template that does not end."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can be sent."""

    sends: Collection[str] = ("text",)
    """The kinds of replies, see `maxbot.commands`."""
    text: Limit | None = None
    """Of a message; None is no limit."""
    caption: Limit | None = None
    """Of what is below an image or a file; size 0 where there are no captions."""
    buttons: int = 100
    """The most buttons of a message."""
    quick_replies: int = 100
    title: Limit | None = None
    """Of a button."""
    payload: Limit | None = None
    """Of what a button below a message gives back."""


def expand(content: Content, type: str, abilities: Abilities) -> list[Content]:
    """Return the messages that a reply becomes on a channel, in order.

    Args:
        content: Of a kind that maxbot knows, or another one, which stays as it is.
        type: Of the channel, which `native` replies name.
        abilities: Of the channel.

    Raises:
        TurnError: They are too many.
    """
    plain = content.get("text")
    if len(content) == 1 and isinstance(plain, str) and (abilities.text is None or abilities.text.fits(plain)):
        return [content]  # nearly every reply
    try:
        reply = read(content)
    except ValueError:  # what came of a markup of the author's own: the channel says what it makes of it
        return [content]
    if reply is None:
        return [content]
    parts = [part.content() for one in _replaced(reply, type, abilities) for part in _split(one, abilities)]
    if len(parts) > MOST_PARTS:
        raise TurnError(f"a reply would be {len(parts)} messages on {type}; it may be {MOST_PARTS} at most")
    return parts


def _replaced(reply: Reply, type: str, abilities: Abilities) -> Iterator[Reply]:
    if isinstance(reply, Native):
        if type in reply.platforms:
            yield reply
        else:
            logger.info("A native reply for %s is left out on %s", ", ".join(reply.platforms), type)
    elif reply.kind in abilities.sends and _is_possible(reply, abilities):
        yield reply
    elif not isinstance(reply, Text):
        for simpler in reply.simpler():
            yield from _replaced(simpler, type, abilities)
    else:
        yield reply


def _is_possible(reply: Reply, abilities: Abilities) -> bool:
    if isinstance(reply, Buttons):
        offered, most = reply.buttons, abilities.buttons
    elif isinstance(reply, QuickReplies):
        offered, most = reply.replies, abilities.quick_replies
    else:
        return True
    titles = {button.title for button in offered}
    if len(titles) < len(offered) or len(offered) > most:
        return False
    limits = (abilities.title, abilities.payload if isinstance(reply, Buttons) else None)
    return all(_fits(button, *limits) and not (button.url and isinstance(reply, QuickReplies)) for button in offered)


def _fits(button: Button, title: Limit | None, payload: Limit | None) -> bool:
    return (title is None or title.fits(button.title)) and (payload is None or payload.fits(button.value))


def _split(reply: Reply, abilities: Abilities) -> Iterator[Reply]:
    if isinstance(reply, Text):
        yield from _texts(reply.text, reply.formats, abilities.text)
    elif isinstance(reply, Buttons | QuickReplies):
        yield from _offers(reply, abilities)
    elif caption := getattr(reply, "caption", None):
        formats: tuple[Format, ...] = getattr(reply, "formats", ())
        if abilities.caption is None or abilities.caption.fits(caption):
            yield reply
            return
        bare = msgspec.structs.replace(reply, caption=msgspec.UNSET, formats=())
        texts = list(_texts(caption, formats, abilities.text))
        # Where there are no captions at all, the words come first, as they announce what follows.
        yield from [*texts, bare] if abilities.caption.size == 0 else [bare, *texts]
    else:
        yield reply


def _offers(reply: Buttons | QuickReplies, abilities: Abilities) -> Iterator[Reply]:
    """Split the text; what is to be pressed stays with its last part."""
    limit = abilities.text
    if (
        isinstance(reply, Buttons)
        and reply.image
        and (limit is None or not (abilities.caption or limit).fits(reply.text))
    ):
        yield reply.image
        reply = msgspec.structs.replace(reply, image=msgspec.UNSET)
    *before, last = _texts(reply.text, reply.formats, limit)
    yield from before
    yield msgspec.structs.replace(reply, text=last.text, formats=last.formats)


def _texts(text: str, formats: tuple[Format, ...], limit: Limit | None) -> Iterator[Text]:
    if limit is None or limit.fits(text):
        yield Text(text=text, formats=formats)
        return
    for count, span in enumerate(spans(text, limit)):
        if count == MOST_PARTS:
            raise TurnError(f"a text of {len(text)} characters would be more than {MOST_PARTS} messages")
        yield Text(text=text[span.start : span.end], formats=tuple(_clipped(formats, span.start, span.end)))


def _clipped(formats: Iterable[Format], start: int, end: int) -> Iterator[Format]:
    for one in formats:
        first, last = max(one.start, start) - start, min(one.end, end) - start
        if first < last:
            yield msgspec.structs.replace(one, start=first, end=last)
