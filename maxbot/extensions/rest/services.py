"""From the arguments of a call and the configuration to a request."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from maxbot.channels.ask import Request, Timeout

FORM = "application/x-www-form-urlencoded"
MOST_AT_ONCE = 100
METHODS = ("get", "post", "put", "delete", "patch")


class Call(NamedTuple):
    """A request, and what else is to be known of it."""

    request: Request
    timeout: Timeout
    cache: float | None
    """Seconds for which the answer may be used again."""
    public_only: bool
    """Whether the host is none of the configuration's."""


class Services:
    """The servers of a bot, by name in any letter case.

    Args:
        config: That of the extension.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.most_at_once = int((config.get("limits") or {}).get("max_connections", MOST_AT_ONCE))
        """Connections of this process to all servers together."""
        self._timeout = config.get("timeout")
        self._services: dict[str, Mapping[str, Any]] = {
            service["name"].lower(): service for service in config.get("services") or ()
        }

    def call(self, arguments: Mapping[str, Any]) -> Call:
        """Put a request together.

        Args:
            arguments: Those of the statement or function; unknown ones are ignored.

        Raises:
            ValueError: There is no such service, or the address is none that can be asked.
        """
        service, url = self._address(arguments)
        base = service.get("base_url")
        own_host = base is not None and _origin(base) == _origin(url)
        if base is not None and not own_host:
            raise ValueError(f"this address does not belong to the service {service['name']!r}")
        body, content_type = _body(arguments.get("body"), arguments.get("headers"))
        headers = _headers(service, arguments, content_type)
        parameters = {**(service.get("parameters") or {}), **(arguments.get("parameters") or {})}
        return Call(
            Request(_method(service, arguments), _with_query(url, parameters), headers, body),
            _timeout(arguments.get("timeout") or service.get("timeout") or self._timeout),
            arguments.get("cache", service.get("cache")),
            not own_host,
        )

    def _address(self, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        written = str(arguments.get("url") or arguments.get("path") or "")
        name = arguments.get("service")
        scheme, separator, rest = written.partition("://")
        if separator and scheme.lower() not in ("http", "https"):
            name, written = scheme, rest
        if name is None:
            return {}, written
        service = self._services.get(str(name).lower())
        if service is None:
            raise ValueError(f"there is no service {name!r}")
        return service, urljoin(service.get("base_url") or "", written)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _method(service: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    default = "post" if arguments.get("body") is not None else "get"
    method = str(arguments.get("method") or service.get("method") or default).lower()
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}: {', '.join(METHODS)}")
    return method.upper()


def _body(body: Any, headers: Any) -> tuple[bytes, str | None]:
    """Return the body and its type: a mapping is JSON, or a form where the headers say so; a text stays as it is."""
    if body is None:
        return b"", None
    if isinstance(body, str):
        return body.encode(), None
    named = {str(name).lower(): value for name, value in (headers or {}).items()}
    if str(named.get("content-type", "")).startswith(FORM):
        return urlencode(body, doseq=True).encode(), FORM
    return msgspec.json.encode(body), "application/json"


def _headers(service: Mapping[str, Any], arguments: Mapping[str, Any], content_type: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if content_type:
        headers["Content-Type"] = content_type
    auth = arguments.get("auth") or service.get("auth")
    if auth:
        pair = f"{auth['user']}:{auth['password']}".encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    for added in (service.get("headers"), arguments.get("headers")):
        for name, value in (added or {}).items():
            known = next((each for each in headers if each.lower() == str(name).lower()), str(name))
            headers[known] = str(value)
    return headers


def _with_query(url: str, parameters: Mapping[str, Any]) -> str:
    if not parameters:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters, doseq=True)}"


def _timeout(written: Any) -> Timeout:
    match written:
        case None:
            return Timeout()
        case int() | float() | str():
            return Timeout(float(written), float(written))
    default = float(written.get("default", 5))
    parts = {part: float(written.get(part, default)) for part in ("connect", "read", "write", "pool")}
    return Timeout(parts["connect"], parts["read"] + parts["write"])
