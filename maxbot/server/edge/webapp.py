"""The web application of one worker, put together of its parts."""

from collections.abc import Collection, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from maxbot import __version__
from maxbot.channels.base import Channel
from maxbot.server.edge.hosts import ANY, AllowedHosts
from maxbot.server.edge.part import Part
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.shortcut import Shortcut


def build_webapp(parts: Sequence[Part], refusals: Refusals, hosts: Collection[str] = (ANY,)) -> ASGIApp:
    """Return the ASGI application that serves the parts.

    Args:
        parts: In the order in which their routes are tried.
        refusals: Answers and counts what is refused.
        hosts: See `AllowedHosts`.
    """
    routes = [route for part in parts for route in part.routes()]
    pages = Starlette(routes=routes, exception_handlers=refusals.handlers())
    # It would redirect `/web/` to whatever `Host` says.
    pages.router.redirect_slashes = False
    app = Shortcut(pages, routes, refusals)
    return app if ANY in hosts else AllowedHosts(app, hosts)


class FrontDoor(Part):
    """Says at `/` what there is, to somebody who wonders whether anything is.

    Args:
        channels: Of the bot.
        rpc: Whether other programs may send requests.
        push: Whether they may say something to a user.
    """

    def __init__(self, channels: Collection[Channel], *, rpc: bool = False, push: bool = False) -> None:
        lines = [f"maxbot {__version__} serves a bot here.", ""]
        lines += [f"POST /{channel.name}  (webhooks)" for channel in channels]
        lines += [f"GET {path}" for channel in channels for path in _pages(channel.routes())]
        lines += ["POST /rpc/CHANNEL/USER_ID  (requests of other programs)"] if rpc else []
        lines += ["POST /push/CHANNEL/USER_ID  (messages from the bot's side)"] if push else []
        lines += ["GET /health/live, GET /health/ready", ""]
        self._text = "\n".join(lines)

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/", self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        return PlainTextResponse(self._text)


def _pages(routes: Sequence[BaseRoute]) -> list[str]:
    """Return the paths that a browser can open as they are."""
    found = [route for route in routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    return [route.path for route in found if "{" not in route.path]
