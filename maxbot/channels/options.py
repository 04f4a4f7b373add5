"""Options that channels have in common: how long and how many at a time calls may be, and where they go."""

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

Secret: TypeAlias = str | list[str]
"""One or, while one replaces another, several; the first is the one to use where only one can be used."""

Seconds = Annotated[float, Meta(gt=0)]

Rate = Annotated[float, Meta(gt=0)]
"""Messages a second."""

Burst = Annotated[int, Meta(ge=1)]


class Timeouts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The parts of a call, in seconds, as MaxBot 0.3 has them. Those left out are as long as `default`."""

    default: Seconds = 5.0
    connect: Seconds | None = None
    read: Seconds | None = None
    write: Seconds | None = None
    pool: Seconds | None = None


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Connections to the platform, of one worker, as MaxBot 0.3 has them."""

    max_connections: Annotated[int, Meta(ge=1)] = 100
    max_keepalive_connections: Annotated[int, Meta(ge=0)] = 20
    keepalive_expiry: Annotated[float, Meta(ge=0)] = 5.0


Timeout: TypeAlias = Seconds | Timeouts


class ApiOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every channel may have in a bot.yaml that calls a platform's API; as in the constructor."""

    timeout: Timeout = 30.0
    limits: Limits | None = None


def whole_call(timeout: float | Timeouts) -> float:
    """Return the seconds for a whole call: our client has one timeout, which covers all parts of a call.

    Raises:
        ValueError: It is none.
    """
    if isinstance(timeout, Timeouts):
        parts = [getattr(timeout, part) or timeout.default for part in ("connect", "read", "write", "pool")]
        timeout = max(parts)
    if not (isfinite(timeout) and timeout > 0):
        raise ValueError("timeout is a number of seconds above 0")
    return timeout


def connections(limits: Limits | None, lent: int) -> int:
    """Return how many connections a channel has at a time: no more than it was lent."""
    return lent if limits is None else min(limits.max_connections, lent)


def secrets_of(secret: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one or several secrets as several."""
    if secret is None:
        return ()
    return (secret,) if isinstance(secret, str) else tuple(secret)


def check_secrets(name: str, secrets: Sequence[str]) -> None:
    """Check that there is one, and that each can stand in a header.

    Raises:
        ValueError: Not so. The text does not repeat any of them.
    """
    if not secrets or not all(secret and all("!" <= char <= "~" for char in secret) for secret in secrets):
        raise ValueError(f"{name} is a text without blanks, or a list of such; this is none")


def check_api_url(url: str) -> None:
    """Check that a text is the beginning of URLs.

    Raises:
        ValueError: It is not.
    """
    if not is_base_url(url):
        raise ValueError("api_url begins with http:// or https:// and a host, and has no user, query or fragment")


def is_base_url(url: str) -> bool:
    """Whether a text is the beginning of URLs."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not any(char in url for char in " @?#")
    return plain and port_is_good and parts.scheme in ("http", "https") and bool(parts.hostname)
