"""Mailboxes and web addresses in a text: each is a token."""

import re
from collections.abc import Iterator

from maxbot.nlu.entities import RecognizedEntity
from maxbot.nlu.links import looks_like_link
from maxbot.nlu.tokens import Token

TOP_DOMAINS = "com org net edu gov mil int info biz name pro aero coop museum arpa asia cat jobs mobi tel travel xxx"
"""Besides those of countries, which have two letters."""

_TOP_DOMAINS = frozenset(TOP_DOMAINS.split())
_EMAIL = re.compile(r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+")


def find_emails(tokens: list[Token]) -> Iterator[RecognizedEntity]:
    """Yield the addresses of mailboxes, in order."""
    for token in tokens:
        if "@" in token.text and _EMAIL.match(token.text):
            yield RecognizedEntity("email", token.text, token.text, token.start, token.end)


def find_urls(tokens: list[Token]) -> Iterator[RecognizedEntity]:
    """Yield the web addresses, with a scheme or without, in order."""
    for token in tokens:
        if ("." in token.text or ":" in token.text) and is_url(token.text):
            yield RecognizedEntity("url", token.text, token.text, token.start, token.end)


def is_url(text: str) -> bool:
    """Return whether a token is a web address."""
    if text.startswith(("http://", "https://")) or (text.startswith("www.") and len(text) > len("www.")):
        return True
    if "@" in text or "." not in text[1:-1] or text[0] == "." or text[-1] == ".":
        return False
    top = text.rpartition(".")[2].partition(":")[0]
    return top.endswith("/") or _is_top_domain(top) or looks_like_link(text)


def _is_top_domain(label: str) -> bool:
    return label in _TOP_DOMAINS or (len(label) == 2 and label.isascii() and label.isalpha() and label.islower())
