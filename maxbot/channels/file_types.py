"""What a file is by its first bytes: its name and what a server says of it are anybody's words."""

UNKNOWN = "application/octet-stream"

_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
)
"""https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern, and the formats of voice messages."""

_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime", b"heic": "image/heic"}
_HTML = (b"<!doctype html", b"<html")

SHOWN = 512
"""Bytes that are looked at."""


def mime_type(body: bytes) -> str:
    """Return what a file is; `application/octet-stream` where nobody can tell."""
    if body[:4] == b"RIFF":
        return _RIFF.get(body[8:12], UNKNOWN)
    if body[4:8] == b"ftyp":
        return _BRANDS.get(body[8:12], "video/mp4")
    found = next((name for start, name in _STARTS if body.startswith(start)), None)
    return found or _text(body[:SHOWN])


def _text(head: bytes) -> str:
    if head.lstrip().lower().startswith(_HTML):
        return "text/html"
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < SHOWN - 3:  # else the last character was cut
            return UNKNOWN
        text = head[: error.start].decode()
    is_plain = bool(text) and all(char.isprintable() or char in "\t\n\r\f" for char in text.lstrip("\ufeff"))
    return "text/plain" if is_plain else UNKNOWN
