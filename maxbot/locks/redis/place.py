"""Where Redis is: the URL of `--user-locks redis://…`, read and checked without redis-py."""

import importlib.util
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from maxbot.errors import StartError, UsageError

SCHEMES = ("redis", "rediss")

PREFIX = "maxbot"
"""What the names of keys begin with, where the URL says nothing else."""

_TLS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}

_EXAMPLE = "--user-locks is a URL like redis://host:6379/0 or rediss://user@host"


class Place(NamedTuple):
    """A URL taken apart."""

    url: str
    """As redis-py takes it."""
    shown: str
    """As anybody may see it: without a password."""
    password: str | None
    prefix: str


def is_redis(spec: str) -> bool:
    """Whether `--user-locks` names a Redis rather than `module:factory`."""
    return spec.partition("://")[0] in SCHEMES and "://" in spec


def read_place(url: str) -> Place:
    """Read a URL, and see whether what it needs is installed.

    Raises:
        UsageError: It names no Redis; the text repeats nothing of it, as a password may be anywhere.
        StartError: redis-py is missing.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{_EXAMPLE}: this one cannot be read") from None
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        raise UsageError(f"{_EXAMPLE}: write / ? # @ and : in a password as %2F %3F %23 %40 and %3A")
    number = parts.path.removeprefix("/")
    if not host or port == 0 or not (number == "" or number.isdecimal()):
        raise UsageError(f"{_EXAMPLE}: this one names no host, or a database that is no number")
    prefix = options.pop("prefix", PREFIX)
    _check_options(options, tls=parts.scheme == "rediss")
    if importlib.util.find_spec("redis") is None:
        raise StartError("User locks on Redis need redis-py: pip install 'maxbot[redis]'")
    plain = parts._replace(query=urlencode(options))
    login, at, address = parts.netloc.rpartition("@")
    shown = parts._replace(netloc=login.partition(":")[0] + at + address, query="")
    return Place(urlunsplit(plain), urlunsplit(shown), parts.password, prefix)


def _check_options(options: dict[str, str], *, tls: bool) -> None:
    unknown = options.keys() - (_TLS if tls else set())
    if unknown:
        known = ", ".join(["prefix", *sorted(_TLS)] if tls else ["prefix"])
        raise UsageError(f"--user-locks: a URL of this kind has no option {min(unknown)}; it may have {known}")


def check_option(spec: str) -> None:
    """See whether `--user-locks` may stand on a command line, which everybody on the machine can read.

    Raises:
        UsageError: It holds a password.
    """
    if is_redis(spec) and read_place(spec).password is not None:
        raise UsageError(
            "--user-locks: a password on the command line can be read by everybody on this machine: say the whole URL "
            "in the variable MAXBOT_USER_LOCKS"
        )
