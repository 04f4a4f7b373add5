"""The page to talk to the bot: one file, and nothing but what stands in it may run in it."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from maxbot.channels.web.visitors import Visitors


class Page:
    """Answers `GET` with the page, and makes who asks for the first time a visitor.

    Args:
        visitors: Of the channel.
    """

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._html = Path(__file__).with_name("page.html").read_text("utf-8")
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; script-src {_hashes(self._html, 'script')}; "
                f"style-src {_hashes(self._html, 'style')}; connect-src 'self'; img-src https: http: data:; "
                "media-src https: http:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    async def get(self, request: Request) -> Response:
        """Return the page."""
        response = HTMLResponse(self._html, headers=self._headers)
        if self._visitors.cookie(request.headers) is None:
            encrypted = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
            response.headers.append("Set-Cookie", self._visitors.new_cookie(encrypted=encrypted))
        return response


def _hashes(html: str, element: str) -> str:
    """Return what a policy calls the elements of a page: https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    blocks = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(hashlib.sha256(block.encode()).digest()).decode()}'" for block in blocks)
