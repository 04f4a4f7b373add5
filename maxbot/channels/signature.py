"""Proof that a body is a platform's: an HMAC-SHA-256 over its bytes as they came."""

import hmac
from collections.abc import Sequence

from maxbot.channels.base import matches


def is_signed(body: bytes, given: str, secrets: Sequence[str], before: bytes = b"") -> bool:
    """Whether a signature is that of a body, in a time that tells nothing of the secrets.

    Args:
        body: As it came; parsing it and writing it again gives other bytes.
        given: What the platform says it is, in lower-case hexadecimal digits.
        secrets: Of several each will do: one may be replacing the other.
        before: What is signed in front of the body, where the platform has such a thing (a time).
    """
    return matches(given, [hmac.digest(secret.encode(), before + body, "sha256").hex() for secret in secrets])
