"""Fetch files that users send and that replies name, within limits of size and time.

Only from public addresses, or from hosts that the operator named; each redirect is checked like the first address.
What a platform asks for in return for a file (a token) goes to its own hosts alone, and never over a redirect.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from maxbot.channels.ask import Request, Timeout, ask
from maxbot.channels.file_types import mime_type
from maxbot.errors import CannotFetch, SendError

SIZE_LIMIT = 25 * 1024 * 1024
"""Bytes of a file, where the caller says nothing else."""

TIME_LIMIT = 30.0
"""Seconds for a file, redirects included, where the caller says nothing else."""

MOST_REDIRECTS = 3

_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
_PORTS = {"http": 80, "https": 443}


class Media(NamedTuple):
    """A file."""

    body: bytes
    name: str = ""
    """As its sender calls it, else the last part of its URL's path; perhaps empty, and nothing to trust."""

    @property
    def mime_type(self) -> str:
        """What it is by its first bytes; `application/octet-stream` where nobody can tell."""
        return mime_type(self.body)

    @property
    def image(self) -> str:
        """What kind of image it is by its first bytes (`png`); empty for what is none that every platform shows."""
        return _EXTENSIONS.get(self.mime_type, "")


class Bounds(NamedTuple):
    """What a file may cost."""

    size: int = SIZE_LIMIT
    """Bytes."""
    seconds: float = TIME_LIMIT
    """For all of it."""


class Owner(NamedTuple):
    """A platform whose files they are."""

    url: str = ""
    """Of its API, as the operator wrote it: what is there is fetched whatever its address is."""
    hosts: tuple[str, ...] = ()
    """Further ones, and what is below them, that get the headers as well."""
    headers: Mapping[str, str] = {}
    """Whatever has a secret in it."""

    def has(self, url: SplitResult) -> bool:
        """Return whether a URL is one of the API's own host."""
        return bool(self.url) and _origin(urlsplit(self.url)) == _origin(url)

    def trusts(self, url: SplitResult) -> bool:
        """Return whether the headers may go to a URL."""
        host = url.hostname or ""
        is_theirs = any(host == one or host.endswith(f".{one}") for one in self.hosts)
        return self.has(url) or (url.scheme == "https" and is_theirs)


NOBODY = Owner()
USUAL = Bounds()


def file_id(file: Mapping[str, Any], platform: str) -> str:
    """Return by what a platform knows a file.

    Raises:
        CannotFetch: It is not said.
    """
    found = file.get("file_id")
    if isinstance(found, str) and found:
        return found
    raise CannotFetch(f"what users send on {platform} has a file_id, and this has none")


async def bounded(step: Awaitable[Media], bounds: Bounds) -> Media:
    """Return the file that is being fetched.

    Raises:
        CannotFetch: It cannot be had, is too large or too slow.
    """
    try:
        async with asyncio.timeout(bounds.seconds):
            media = await step
        if len(media.body) <= bounds.size:
            return media
        reason = f"it is larger than {bounds.size} bytes"
    except TimeoutError:
        reason = f"it takes longer than {bounds.seconds:g} seconds"
    except (SendError, ValueError) as error:
        reason = str(error)
    raise CannotFetch(reason)


async def fetch(url: str, private_hosts: Collection[str] = (), bounds: Bounds = USUAL) -> Media:
    """Fetch what a reply of the bot names.

    Args:
        url: `http` or `https`.
        private_hosts: Names or addresses that may be asked although they are not public.
        bounds: Of size and time.

    Raises:
        CannotFetch: It is not there, too large, too slow, or at an address that may not be asked.
    """
    return await bounded(_fetch(url, NOBODY, bounds, private_hosts, ("http", "https")), bounds)


async def fetch_theirs(url: str, owner: Owner, bounds: Bounds) -> Media:
    """Fetch what a platform names: by `https`, unless it is at the platform's API as the operator wrote it.

    Raises:
        CannotFetch: As in `fetch`.
    """
    return await bounded(_fetch(url, owner, bounds, (), ("https",)), bounds)


async def _fetch(
    url: str, owner: Owner, bounds: Bounds, private_hosts: Collection[str], schemes: Collection[str]
) -> Media:
    for hop in range(1 + MOST_REDIRECTS):
        parts = urlsplit(url)
        is_own = hop == 0 and owner.has(parts)
        if not is_own and parts.scheme not in schemes:
            raise ValueError(f"its address does not begin with {' or '.join(f'{one}://' for one in schemes)}")
        secret = owner.headers if hop == 0 and owner.trusts(parts) else {}
        response = await ask(
            Request("GET", url, {"Accept": "*/*", **secret}),
            Timeout(answer=bounds.seconds),
            public_only=not is_own and parts.hostname not in private_hosts,
            body_limit=bounds.size,
        )
        if response.status == 200:
            return Media(response.body, unquote(parts.path.rpartition("/")[2]))
        where = response.headers.get("location")
        if not (300 <= response.status < 400 and where):
            raise ValueError(f"its server answers {response.status}")
        url = urljoin(url, where)
    raise ValueError(f"its server redirects more than {MOST_REDIRECTS} times")


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
