"""What looks like an address of the web or of a mailbox: `example.com/page`, `ann@example.com`, `http://8.8.8.8`."""

import re

# By what they are not: ranges up to the end of Unicode take long to compile.
_LETTER = r"[^\x00-/:-@\[-`{-\xa0]"
_INSIDE = r"[^\x00-,./:-@\[-^`{-\xa0]"  # also - and _

_LINK = re.compile(
    rf"""
    (?: (?!0|10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.)      # no address of a private network
        (?: (?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9]) \. ){{3}} (?:25[0-4]|2[0-4][0-9]|1[0-9]?[0-9]?|[1-9][0-9]?)
      | (?: {_LETTER} (?: {_INSIDE}{{0,62}} {_LETTER} )? \. )+ (?P<top>[^\W\d_A-Z]{{2,63}})
    )
    (?: :[0-9]{{2,5}} )?
    (?: [/?\#]\S* )?
    """,
    re.VERBOSE,
)
_SCHEME = re.compile(r"[\w+.-]{2,32}://")


def looks_like_link(text: str) -> bool:
    """Return whether the whole text is an address, with or without a scheme and a user."""
    if "." not in text:
        return False
    scheme = _SCHEME.match(text)
    start = scheme.end() if scheme else 0
    user = text.rfind("@", start + 1) + 1
    return _is_link(text, start) or (user > 0 and _is_link(text, user))


def _is_link(text: str, start: int) -> bool:
    found = _LINK.fullmatch(text, start)
    return found is not None and (found["top"] is None or found["top"] == found["top"].lower())
