"""Updates of kinds that only one platform has: a bot gets those that its channel's option `native` names.

They are read a second time, as plain JSON, and only where there is such an option: the others cost nothing.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from maxbot.channels.json import decode
from maxbot.errors import BadRequest
from maxbot.types import Message

_decoder = msgspec.json.Decoder(dict[str, Any])

USER_LIMIT = 200


def chosen(native: Sequence[str], known: Collection[str]) -> frozenset[str]:
    """Return the kinds that a bot is to get.

    Raises:
        ValueError: The platform has no such kind.
    """
    if unknown := [kind for kind in native if kind not in known]:
        raise ValueError(f"native has kinds of this platform ({', '.join(known)}), and no {', '.join(unknown)}")
    return frozenset(native)


def objects(raws: Sequence[msgspec.Raw]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each as plain JSON, and a key made of its bytes, which are the same when it is delivered again."""
    for raw in raws:
        try:
            yield decode(_decoder, raw), hashlib.sha256(raw).hexdigest()
        except BadRequest:
            continue


def user_of(value: Any) -> str | None:
    """Return a user's name, if it is one that can be stored and written to."""
    is_good = isinstance(value, str) and 0 < len(value) <= USER_LIMIT and value.isascii() and value.isprintable()
    return value if is_good else None


def message(kind: str, value: Any) -> Message:
    """Return what a bot is told."""
    return {"native": {kind: value}}
