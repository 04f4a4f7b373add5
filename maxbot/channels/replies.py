"""Read a command's content for a platform: what its kind is, and a clear word where it is none."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from maxbot.commands import Content, Native, Reply, read
from maxbot.errors import Undeliverable

Made = TypeVar("Made")


def made(content: Content, platform: str, makers: Mapping[type[Reply], Callable[[Any], Made]]) -> Made:
    """Return what a platform's maker for the kind of a content makes of it.

    Args:
        content: Of a command.
        platform: As people call it.
        makers: By kind.

    Raises:
        Undeliverable: The content is not what its kind holds, or of a kind that the platform cannot be sent.
    """
    try:
        reply = read(content)
    except ValueError as error:
        raise Undeliverable(f"{platform} cannot be sent this: {error}") from None
    maker = None if reply is None else makers.get(type(reply))
    if maker is None:
        raise Undeliverable(f"{platform} cannot be sent a reply with {', '.join(content) or 'nothing'}")
    return maker(reply)


def native(reply: Native, type_: str) -> dict[str, Any]:
    """Return what a native reply says for a channel's type.

    Raises:
        Undeliverable: Nothing.
    """
    found = reply.platforms.get(type_)
    if not found:
        raise Undeliverable(f"This native reply says nothing for {type_}")
    return found


def some(**values: Any) -> dict[str, Any]:
    """Return what there is."""
    return {name: value for name, value in values.items() if value}
