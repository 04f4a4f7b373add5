"""Texts of a bot's files, read as what a key needs. Each raises a ValueError that says what was expected."""

import ipaddress
import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit

TRUE = ("true", "yes", "on", "t", "y", "1")
FALSE = ("false", "no", "off", "f", "n", "0")

_INTEGER = re.compile(r"\s*[+-]?[0-9]+(_[0-9]+)*\s*")
_SCHEMES = ("http", "https", "ftp", "ftps")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(_LABEL)
_HOST = re.compile(rf"(?:{_LABEL}\.)+[a-z0-9-]{{2,}}\.?|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}")


def integer(text: str) -> int:
    """Read a whole number: `3`, ` +2 `, `1_000`."""
    if not _INTEGER.fullmatch(text) or len(text) > 400:
        raise ValueError("a whole number")
    return int(text)


def number(text: str) -> float:
    """Read a number that is one: not `nan`, not `inf`."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("a number") from None
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def flag(text: str) -> bool:
    """Read `true`, `yes`, `on` and their like, in the usual letter cases (`True`, `TRUE`)."""
    word = text.lower()
    if text in (word, word.upper(), word.capitalize()):
        if word in TRUE:
            return True
        if word in FALSE:
            return False
    raise ValueError("true or false")


def url(text: str) -> str:
    """Read the address of something in the web: with its scheme, and a host that has a dot or is `localhost`."""
    return _address(text, _is_host)


def server(text: str) -> str:
    """Read the address of a server: its host may be a name of the own network, as `http://rasa:5005/`."""
    return _address(text, lambda host: _is_host(host) or bool(_NAME.fullmatch(host)))


def _address(text: str, is_host: Callable[[str], bool]) -> str:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        port = parts.port
    except ValueError:
        raise ValueError("a URL like https://example.org/path") from None
    blank = any(char.isspace() or ord(char) < 32 for char in text)
    if blank or parts.scheme not in _SCHEMES or port == 0 or not is_host(host):
        raise ValueError("a URL like https://example.org/path")
    return text


def _is_host(host: str) -> bool:
    if host == "localhost" or _HOST.fullmatch(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def zone(text: str) -> str:
    """Read the name of a time zone, as `Asia/Seoul`; the empty one is none."""
    if not text:
        return text
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"the name of a time zone like Europe/Berlin, and {text!r} is none") from None
    return text
