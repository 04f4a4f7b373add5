import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.channels.file_types import mime_type


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"%PDF-1.7", "application/pdf"),
        (b"OggS\0", "audio/ogg"),
        (b"ID3\x03", "audio/mpeg"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"PK\x03\x04", "application/zip"),
        (b"  <!DOCTYPE HTML>", "text/html"),
        ("Grüße\n".encode(), "text/plain"),
        (b"a" * 511 + "ü".encode(), "text/plain"),
        (b"MZ\x90\x00", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_type_is_that_of_the_first_bytes(body: bytes, wanted: str) -> None:
    assert mime_type(body) == wanted


@given(st.binary(max_size=600))
def test_every_file_has_one(body: bytes) -> None:
    assert "/" in mime_type(body)
