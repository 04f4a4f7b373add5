"""What a reply becomes on a channel: what it cannot send is replaced, what is too long is split.

Each part is a command of its own, stored with the turn: a crash in the middle repeats one part and not all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from maxbot.channels.links import written_out
from maxbot.channels.offered import short
from maxbot.channels.split import Limit, is_boundary, spans
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
    captions: Collection[str] | None = None
    """The kinds that may have one; None is all of them."""
    links: bool = True
    """Whether a part of a text may be a link; where not, its address is written behind it."""
    offer: Limit | None = None
    """Of a text with buttons below it; None is that of any text."""
    buttons: int = 100
    """The most buttons of a message."""
    buttons_below_image: int = 100
    """The most of a message that is an image; 0 where there is no such thing."""
    link_buttons: Literal["any", "alone", "none"] = "any"
    """Whether a button may be a link: beside others, as the only one of its message, or never."""
    quick_replies: int = 100
    title: Limit | None = None
    """Of a button; longer ones are cut."""
    payload: Limit | None = None
    """Of what a button below a message gives back."""
    reply_payload: Limit | None = None
    """Of what a quick reply gives back, where it is not just its title."""


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
    reply = _with_short_payloads(_plain(reply, abilities), abilities)
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
    elif reply.kind in abilities.sends and _is_possible(short := _shortened(reply, abilities), abilities):
        yield short
    elif not isinstance(reply, Text):
        for simpler in reply.simpler():
            yield from _replaced(simpler, type, abilities)
    else:
        yield reply


def _is_possible(reply: Reply, abilities: Abilities) -> bool:
    if isinstance(reply, Buttons):
        most = abilities.buttons_below_image if reply.image else abilities.buttons
        return _can_offer(reply.buttons, most, abilities.title, abilities.payload)
    if isinstance(reply, QuickReplies):
        has_links = any(button.url for button in reply.replies)
        most = abilities.quick_replies
        return not has_links and _can_offer(reply.replies, most, abilities.title, abilities.reply_payload)
    return True


def _can_offer(buttons: Sequence[Button], most: int, title: Limit | None, payload: Limit | None) -> bool:
    titles = {button.title for button in buttons}
    if len(titles) < len(buttons) or len(buttons) > most:
        return False
    return all(
        (title is None or title.fits(button.title)) and (payload is None or payload.fits(button.value))
        for button in buttons
    )


# What a platform's buttons and texts cannot hold


def _plain(reply: Reply, abilities: Abilities) -> Reply:
    """Write out links that the platform has no other form for: in the text, and those of buttons below it."""
    if isinstance(reply, Buttons) and not _links_are_possible(reply.buttons, abilities):
        links = "".join(f"\n{button.title}: {button.url}" for button in reply.buttons if button.url)
        others = tuple(button for button in reply.buttons if not button.url)
        reply = _without_links(msgspec.structs.replace(reply, text=reply.text + links, buttons=others))
    if abilities.links or not (formats := getattr(reply, "formats", ())):
        return reply
    field = "text" if hasattr(reply, "text") else "caption"
    text, formats = written_out(getattr(reply, field), formats)
    return msgspec.structs.replace(reply, **{field: text, "formats": formats})


def _links_are_possible(buttons: Sequence[Button], abilities: Abilities) -> bool:
    if abilities.link_buttons == "any" or not any(button.url for button in buttons):
        return True
    return abilities.link_buttons == "alone" and len(buttons) == 1


def _without_links(reply: Buttons) -> Reply:
    if reply.buttons:
        return reply
    if reply.image:
        return msgspec.structs.replace(reply.image, caption=reply.text, formats=reply.formats)
    return Text(text=reply.text, formats=reply.formats)


def _with_short_payloads(reply: Reply, abilities: Abilities) -> Reply:
    """Let a name travel in the place of a payload that is too long; the dialog keeps what it stands for."""
    limit = abilities.payload if isinstance(reply, Buttons) else abilities.reply_payload
    if limit is None or not isinstance(reply, Buttons | QuickReplies):
        return reply
    field, buttons = _pressable(reply)
    named = tuple(_with_short_payload(button, limit) for button in buttons)
    return reply if named == buttons else msgspec.structs.replace(reply, **{field: named})


def _with_short_payload(button: Button, limit: Limit) -> Button:
    if button.url or limit.fits(button.value):
        return button
    return msgspec.structs.replace(button, payload=short(button.value))


def _pressable(reply: Buttons | QuickReplies) -> tuple[str, tuple[Button, ...]]:
    return ("buttons", reply.buttons) if isinstance(reply, Buttons) else ("replies", reply.replies)


def _shortened(reply: Reply, abilities: Abilities) -> Reply:
    """Cut titles that are too long; where two would be the same then, they stay, and become a list."""
    limit = abilities.title
    if limit is None or not isinstance(reply, Buttons | QuickReplies):
        return reply
    field, buttons = _pressable(reply)
    if all(limit.fits(button.title) for button in buttons):
        return reply
    cut = tuple(_cut_title(button, limit) for button in buttons)
    return msgspec.structs.replace(reply, **{field: cut}) if len({one.title for one in cut}) == len(cut) else reply


def _cut_title(button: Button, limit: Limit) -> Button:
    title = button.title
    if limit.fits(title):
        return button
    end = next(
        end for end in range(len(title) - 1, -1, -1) if limit.fits(f"{title[:end]}…") and is_boundary(title, end)
    )
    payload = msgspec.UNSET if button.url else button.value
    return msgspec.structs.replace(button, title=f"{title[:end].rstrip()}…", payload=payload)


# Texts that are too long


def _split(reply: Reply, abilities: Abilities) -> Iterator[Reply]:
    if isinstance(reply, Text):
        yield from _texts(reply.text, reply.formats, abilities.text)
    elif isinstance(reply, Buttons | QuickReplies):
        yield from _offers(reply, abilities)
    elif caption := getattr(reply, "caption", None):
        formats: tuple[Format, ...] = getattr(reply, "formats", ())
        limit = abilities.caption
        if abilities.captions is not None and reply.kind not in abilities.captions:
            limit = Limit(0)
        if limit is None or limit.fits(caption):
            yield reply
            return
        bare = msgspec.structs.replace(reply, caption=msgspec.UNSET, formats=())
        texts = list(_texts(caption, formats, abilities.text))
        # Where there are no captions at all, the words come first, as they announce what follows.
        yield from [*texts, bare] if limit.size == 0 else [bare, *texts]
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
    last = Text(text=reply.text, formats=reply.formats)
    for one in (limit, abilities.offer):
        *before, last = _texts(last.text, last.formats, one)
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
