"""Secrets are taken out of texts."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "***"

# Of Telegram (https://core.telegram.org/bots/api#authorizing-your-bot), Meta, Viber, VK and Slack: each is the
# `token_pattern` of its channel, which is not imported here, as the log knows no channels. Behind a digit no token of
# Telegram is looked for: a user may write a hundred thousand of them.
TOKENS = re.compile(
    r"(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}|\bEAA[A-Za-z0-9]{20,}|\b[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}\b"
    r"|\bvk\d\.[a-z]\.[A-Za-z0-9_-]{20,}|\bxox[a-z](\.xox[a-z])?-[A-Za-z0-9-]{10,}"
)
"""The forms of platforms' tokens."""
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/]+@")


class Redactor:
    """Replaces secrets in texts.

    Args:
        secrets: Are replaced wherever they occur, also as they look in a URL, in `repr()` and in JSON. Besides,
            platforms' tokens and passwords in URLs are recognised by their form.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        # The longest first: a secret may be the beginning of another one.
        ordered = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(_pattern(form) for form in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = TOKENS.sub(HIDDEN, text)
        return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        quote(raw),
        quote(raw, safe=""),
        quote(raw, safe=":"),
        quote_plus(raw),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        repr(raw)[2:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _pattern(form: str) -> str:
    """Return a pattern of a secret's form, in which `%3A` is `%3a` as well."""
    parts = re.split(r"(%[0-9A-F]{2})", form)
    return "".join(f"(?i:{part})" if index % 2 else re.escape(part) for index, part in enumerate(parts))
