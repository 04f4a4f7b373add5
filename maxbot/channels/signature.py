"""Proof that a body is a platform's: an HMAC-SHA-256 over its bytes as they came."""

import hashlib
from collections.abc import Sequence

from maxbot.channels.base import matches

_BLOCK = 64
"""Bytes of a block of SHA-256."""


class Signatures:
    """Checks what is signed with one of several secrets: while one replaces another, each will do.

    The secrets are worked into the hashes once, where `hmac` looks the algorithm up and begins anew for each body: that
    takes three times as long. https://www.rfc-editor.org/rfc/rfc2104#section-4

    Args:
        secrets: Of the platform and the channel.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._begun = [_begun(secret.encode()) for secret in secrets]

    def fit(self, given: str, *parts: bytes) -> bool:
        """Whether a signature is that of a body, in a time that tells nothing of the secrets.

        Args:
            given: What the platform says it is, in lower-case hexadecimal digits.
            parts: What is signed, in order: the body as it came, perhaps behind a time. Parsed and written again it
                would have other bytes.
        """
        wanted = []
        for inner, outer in self._begun:
            inner, outer = inner.copy(), outer.copy()
            for part in parts:
                inner.update(part)
            outer.update(inner.digest())
            wanted.append(outer.hexdigest())
        return matches(given, wanted)


def _begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    return inner, outer
