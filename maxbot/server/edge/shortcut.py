"""The way of a webhook past Starlette's middleware and routes, which cost it as much as verifying and parsing do."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.webhooks import Webhook


class Shortcut:
    """An application in front of another one, for what is delivered to a channel.

    Args:
        app: Gets everything else.
        routes: Its routes; those of webhooks are served here.
        refusals: Answers what is refused, as it does in the application.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], refusals: Refusals) -> None:
        self._app = app
        self._refusals = refusals
        self._webhooks = {
            route.path: route.endpoint
            for route in routes
            if isinstance(route, Route) and isinstance(route.endpoint, Webhook)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a delivery to its webhook; whatever is no plain delivery has the application's own answer."""
        webhook = self._webhooks.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if webhook is None:
            await self._app(scope, receive, send)
            return
        try:
            await webhook(scope, receive, send)
        except Exception as error:
            response = await self._refusals.answer(Request(scope, receive), error)
            if response is None:
                raise
            await response(scope, receive, send)
