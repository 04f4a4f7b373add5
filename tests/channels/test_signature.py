"""Signatures are those of HMAC-SHA-256, whoever computes them."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.channels.signature import Signatures

keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)


@given(keys, keys, st.binary(max_size=300), st.binary(max_size=30))
def test_each_secret_signs_as_everybody_computes_it(first: str, second: str, body: bytes, before: bytes) -> None:
    signatures = Signatures([first, second])
    for key in (first, second):
        right = hmac.new(key.encode(), before + body, "sha256").hexdigest()
        assert signatures.fit(right, before, body)
        assert signatures.fit(right, before + body)
        assert not signatures.fit(right, before, body, b"!")
        assert not signatures.fit(right[:-1], before, body)
        assert not signatures.fit(right.upper().replace("0", "O"), before, body)


@pytest.mark.parametrize("length", [63, 64, 65, 128])
def test_a_key_may_be_longer_than_a_block(length: int) -> None:
    key = "k" * length
    assert Signatures([key]).fit(hmac.new(key.encode(), b"a", "sha256").hexdigest(), b"a")


def test_without_a_secret_nothing_fits() -> None:
    assert not Signatures([]).fit(hmac.new(b"", b"a", "sha256").hexdigest(), b"a")
