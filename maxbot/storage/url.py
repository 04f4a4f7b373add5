"""The URL of a database server, as `--database` takes it. Nothing of it is ever repeated but what `shown` returns."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from maxbot.errors import StartError, UsageError

_HOSTS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:,@]*)(:\d{1,5})?")


class ServerURL(NamedTuple):
    """A URL like `postgresql://user@one,two/bot?sslmode=verify-full`, taken apart."""

    scheme: str
    user: str
    password: str | None
    hosts: list[tuple[str, str]]
    """Names and ports, tried in this order; an empty port is the usual one."""
    database: str
    options: dict[str, str]


def parse(url: str) -> ServerURL:
    """Take a URL apart.

    Raises:
        UsageError: It is not one; the text repeats nothing of it but its scheme, as a password may be anywhere.
    """
    scheme = url.partition(":")[0]
    example = f"--database is a URL like {scheme}://user@host/bot"
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UsageError(f"{example}: this one cannot be read") from None
    login, _, places = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    hosts = [_HOSTS.fullmatch(place) for place in places.split(",")]
    database = unquote(parts.path.removeprefix("/"))
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment or None in hosts:
        raise UsageError(f"{example}: write / ? # @ and : in a name or password as %2F %3F %23 %40 and %3A")
    if not database or "/" in database:
        raise UsageError(f"{example}: this one names no database")
    given = unquote(password) if colon else options.pop("password", None)
    named = [(host[1].strip("[]"), (host[2] or "")[1:]) for host in hosts if host is not None]
    return ServerURL(scheme, unquote(user), given, named, database, options)


def shown(url: str) -> str:
    """Return a database's URL as anybody may see it: without a password."""
    if url.startswith("sqlite:"):
        return url
    front, mark, options = url.partition("?")
    front = re.sub(r"(://[^:@/]*):[^@]*@", r"\1@", front)
    kept = [option for option in options.split("&") if not re.match("(ssl)?password=", option)]
    return front + mark + "&".join(kept) if any(kept) else front


def has_password(url: str) -> bool:
    """Whether a URL holds one."""
    return shown(url) != url


def read_password(file: str) -> str:
    """Return the password that a file holds, without the end of its line.

    Raises:
        StartError: It cannot be read.
    """
    try:
        return Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StartError(f"--database-password-file: {file} cannot be read: {reason}") from None
