"""Who writes to the web channel: a site on behalf of its users, or somebody who opened the page.

A site proves itself with the token and names its users as it likes. A visitor of the page has a cookie that the server
made, of which nobody else knows anything; each of its tabs is a user of its own, named after both. So nobody can write
as a visitor, or read what the bot told one. A visitor's name tells nothing of the cookie.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.requests import cookie_parser

from maxbot.channels.base import matches
from maxbot.errors import BadRequest, Unauthorized

VISITOR = "visitor-"
"""What the names of visitors begin with."""

COOKIE = "maxbot_visitor"
"""Name of the cookie. Each channel has its own, by the path."""

COOKIE_AGE = 365 * 24 * 3600
"""Seconds."""

_COOKIE_LENGTH = 43  # of token_urlsafe(32)


class Rights(NamedTuple):
    """What a request may do."""

    names_users: bool
    """Whether it may write as anybody and read anybody's replies, visitors apart."""
    cookie: str | None
    """Of the visitor that it comes from."""

    def user(self, user_id: str | None, tab: str | None) -> str:
        """Return the user that a request speaks of.

        Raises:
            BadRequest: It names none, or a visitor.
            Unauthorized: It has no right to this one.
        """
        if user_id is not None:
            if tab is not None:
                raise BadRequest("There is user_id or tab, and not both")
            if user_id.startswith(VISITOR):
                raise BadRequest(f"user_id does not begin with {VISITOR!r}: those are visitors of the page")
            if not self.names_users:
                raise Unauthorized("The header Authorization: Bearer is missing or wrong")
            return user_id
        if tab is None:
            raise BadRequest("user_id is missing")
        if self.cookie is None:
            raise Unauthorized("The cookie of the page is missing: open the page first")
        return VISITOR + hashlib.sha256(f"{self.cookie}\0{tab}".encode()).hexdigest()[:32]


class Visitors:
    """Knows requests by their headers.

    Args:
        name: The channel's, which is the path of the cookie.
        tokens: Each of them is right; none if there is no token.
        public: Whether visitors need no token.
    """

    def __init__(self, name: str, tokens: Sequence[str], public: bool) -> None:
        self._name = name
        self._tokens = tokens
        self._public = public

    def rights(self, headers: Mapping[str, str]) -> Rights:
        """Return what a request may do.

        Raises:
            Unauthorized: Nothing.

        Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
        """
        cookie = self.cookie(headers)
        if not self._tokens:
            if self._public and cookie is None:
                raise Unauthorized("The cookie of the page is missing: open the page first")
            return Rights(not self._public, cookie)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if matches(given.strip(), self._tokens) and scheme.lower() == "bearer":
            return Rights(True, cookie)
        if self._public and cookie is not None:
            return Rights(False, cookie)
        raise Unauthorized("The header Authorization: Bearer is missing or wrong")

    def cookie(self, headers: Mapping[str, str]) -> str | None:
        """Return the cookie of a request, if it has one that can be ours."""
        value = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return value if len(value) == _COOKIE_LENGTH and value.isascii() and value.isprintable() else None

    def new_cookie(self, *, encrypted: bool) -> str:
        """Return the header `Set-Cookie` for a new visitor.

        It is sent along when somebody follows a link to the page, and not with what other pages send here.

        Args:
            encrypted: Whether the browser came by https.
        """
        value = secrets.token_urlsafe(32)
        secure = "; Secure" if encrypted else ""
        attributes = f"Path=/{self._name}; Max-Age={COOKIE_AGE}; HttpOnly; SameSite=Lax{secure}"
        return f"{COOKIE}={value}; {attributes}"
