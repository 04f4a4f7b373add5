"""A part of the web application: routes, and what they need opened and closed."""

from collections.abc import Sequence

from starlette.routing import BaseRoute


class Part:
    """Something that answers requests: the channels, health, what `/` shows. The defaults are for one with no needs."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return its routes. Those of the parts named first are tried first."""
        return ()

    async def start(self) -> None:
        """Open what it needs, before the first request."""

    async def drain(self) -> None:
        """The server stops: answer those who wait, so that their connections can close."""

    async def close(self) -> None:
        """Close it, after the last one."""
