"""Asks ngrok, which runs on this machine, under which address of the internet it reaches which port.

Source: https://ngrok.com/docs/agent/api/ (`GET /api/tunnels`)
"""

import urllib.request
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from maxbot.errors import UsageError
from maxbot.settings import Settings

DEFAULT_URL = "http://localhost:4040"
TIMEOUT = 5.0
"""Seconds for ngrok's answer."""

ANSWER_LIMIT = 1024 * 1024
"""Bytes of it."""


class Config(msgspec.Struct):
    """What a tunnel leads to."""

    addr: str
    """`http://localhost:8080`, also without the scheme."""


class Tunnel(msgspec.Struct):
    """One of ngrok's."""

    public_url: str
    config: Config


class Tunnels(msgspec.Struct):
    """The answer."""

    tunnels: list[Tunnel]


class Place(NamedTuple):
    """Where to listen, and how the internet reaches that."""

    host: str
    port: int
    public_url: str


def with_ngrok(settings: Settings) -> Settings:
    """Return the settings with what ngrok says of host, port and public URL, if somebody wants it to be asked.

    Raises:
        UsageError: ngrok does not answer, or has no tunnel to this machine.
    """
    if not settings.ngrok and settings.ngrok_url is None:
        return settings
    place = find_tunnel(settings.ngrok_url or DEFAULT_URL)
    return replace(settings, host=place.host, port=place.port, public_url=place.public_url)


def find_tunnel(url: str) -> Place:
    """Return the first tunnel of ngrok's whose public address is https.

    Args:
        url: Of ngrok's own interface on this machine.

    Raises:
        UsageError: See `with_ngrok`.
    """
    address = f"{url.rstrip('/')}/api/tunnels"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            tunnels = msgspec.json.decode(answer.read(ANSWER_LIMIT), type=Tunnels).tunnels
    except (OSError, ValueError) as error:
        raise UsageError(f"ngrok does not answer at {address} ({error}): start it, `ngrok http 8080`") from error
    for tunnel in tunnels:
        if tunnel.public_url.startswith("https://"):
            return _place(tunnel)
    raise UsageError(f"ngrok at {url} has no tunnel with https: start one, `ngrok http 8080`")


def _place(tunnel: Tunnel) -> Place:
    given = tunnel.config.addr
    parts = urlsplit(given if "://" in given else f"//{given}")
    try:
        port = int(given) if given.isdecimal() else parts.port
    except ValueError:
        port = None
    if port is None:
        raise UsageError(f"ngrok leads to {given}, which is no port of this machine")
    host = "localhost" if given.isdecimal() else parts.hostname or "localhost"
    return Place(host, port, tunnel.public_url)
