"""`!ENV`: environment variables in the texts of a bot."""

import os
import re

TAG = "!ENV"

# `${NAME:}` is nothing special and stays as it is; so does everything that is no variable.
_VARIABLE = re.compile(r"\$\{([^}:]+)(?::([^}]+))?\}")


def with_variables(text: str) -> tuple[str, list[str]]:
    """Return the text with its variables replaced, and the names of those that are not set and have no default.

    What was put in is not searched again.
    """
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = os.environ.get(name, default)
        if found is None:
            missing.append(name)
            return ""
        return found

    return _VARIABLE.sub(value, text), missing
