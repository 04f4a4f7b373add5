"""Fetch what a bot's reply names by URL, for platforms that must be given the bytes.

Only from public addresses, or from hosts that the operator named; each redirect is checked like the first address.
"""

import asyncio
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from maxbot.channels.ask import Request, Timeout, ask
from maxbot.errors import SendError

SIZE_LIMIT = 25 * 1024 * 1024
"""Bytes of a file."""

TIME_LIMIT = 30.0
"""Seconds for a file, redirects included."""

MOST_REDIRECTS = 3

_IMAGES = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


class CannotFetch(Exception):
    """There is no such file for us; the text says why and is safe to log."""


class Media(NamedTuple):
    """A file."""

    body: bytes
    name: str
    """The last part of its URL's path; perhaps empty."""

    @property
    def image(self) -> str:
        """What kind of image it is by its first bytes (`png`); empty for what is none."""
        return next((extension for start, extension in _IMAGES if self.body.startswith(start)), "")


async def fetch(url: str, private_hosts: Collection[str] = ()) -> Media:
    """Fetch a file.

    Args:
        url: `http` or `https`.
        private_hosts: Names or addresses that may be asked although they are not public.

    Raises:
        CannotFetch: It is not there, too large, too slow, or at an address that may not be asked.
    """
    try:
        async with asyncio.timeout(TIME_LIMIT):
            return await _fetch(url, private_hosts)
    except TimeoutError:
        reason = f"it takes longer than {TIME_LIMIT:.0f} seconds"
    except (SendError, ValueError) as error:
        reason = str(error)
    raise CannotFetch(reason)


async def _fetch(url: str, private_hosts: Collection[str]) -> Media:
    for _ in range(1 + MOST_REDIRECTS):
        parts = urlsplit(url)
        response = await ask(
            Request("GET", url, {"Accept": "*/*"}),
            Timeout(answer=TIME_LIMIT),
            public_only=parts.hostname not in private_hosts,
            body_limit=SIZE_LIMIT,
        )
        if response.status == 200:
            return Media(response.body, unquote(parts.path.rpartition("/")[2]))
        where = response.headers.get("location")
        if not (300 <= response.status < 400 and where):
            raise ValueError(f"its server answers {response.status}")
        url = urljoin(url, where)
    raise ValueError(f"its server redirects more than {MOST_REDIRECTS} times")
