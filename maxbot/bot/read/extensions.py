"""The configuration of the built-in extensions, and how the section `extensions` is read."""

from collections.abc import Collection, Iterator
from typing import Any

from maxbot.bot.read.kinds import (
    INTEGER,
    NUMBER,
    SERVER,
    TEXT,
    WRONG,
    ZONE,
    Choice,
    Either,
    Kind,
    ListOf,
    Schema,
    Schemas,
    Table,
)
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.records import Key, Record
from maxbot.bot.read.values import Mapping, Scalar, Sequence, Value
from maxbot.dialog.definitions import ExtensionDefinition
from maxbot.dialog.source import Place

UNITS = {
    "weeks": 604800.0,
    "days": 86400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
}

DEFAULT_TIMEOUT = 5.0


def _seconds(place: Place, **units: int) -> float:
    return sum(UNITS[unit] * count for unit, count in units.items())


def _timeout(place: Place, default: float = DEFAULT_TIMEOUT, **parts: float) -> dict[str, float]:
    return {part: parts.get(part, default) for part in ("connect", "read", "write", "pool")}


def _config(place: Place, **values: Any) -> dict[str, Any]:
    return values


DURATION_PARTS = Record(
    "duration",
    "A length of time, the sum of its parts.",
    *(Key(unit, INTEGER, f"how many {unit}", default="0") for unit in UNITS),
    make=_seconds,
)

DURATION = Either(INTEGER, DURATION_PARTS, whole=float)

TIMEOUT_PARTS = Record(
    "timeout",
    "Seconds to wait.",
    Key("default", NUMBER, "for the parts that are not given", default="5"),
    Key("connect", NUMBER, "for a connection", default="`default`"),
    Key("read", NUMBER, "for the answer", default="`default`"),
    Key("write", NUMBER, "to send", default="`default`"),
    Key("pool", NUMBER, "for a free connection", default="`default`"),
    make=_timeout,
)

TIMEOUT = Either(
    NUMBER,
    TIMEOUT_PARTS,
    whole=lambda seconds: dict.fromkeys(("connect", "read", "write", "pool"), seconds),
)

LIMITS = Record(
    "limits",
    "How many connections are made.",
    Key("max_connections", INTEGER, "at once", default="100"),
    Key("max_keepalive_connections", INTEGER, "kept open", default="20"),
    Key("keepalive_expiry", NUMBER, "seconds for which they are kept", default="5"),
    make=_config,
)

AUTH = Record(
    "auth",
    "HTTP Basic.",
    Key("user", TEXT, "name", required=True),
    Key("password", TEXT, "password", required=True),
    make=_config,
)

SERVICE = Record(
    "REST service",
    "A server that templates may ask.",
    Key("name", TEXT, "its name, in any letter case; unique", required=True),
    Key("base_url", SERVER, "what its addresses are relative to", default="none"),
    Key("method", Choice("get", "post", "put", "delete", "patch"), "if a call names none", default="get"),
    Key("headers", Table(TEXT, "texts"), "added to each call", default="none"),
    Key("parameters", Table(TEXT, "texts"), "added to each call's URL", default="none"),
    Key("auth", AUTH, "name and password", default="none"),
    Key("timeout", TIMEOUT, "seconds to wait", default="5"),
    Key("limits", LIMITS, "how many connections", default="see there"),
    Key("cache", DURATION, "how long answers are used again", default="not at all"),
    make=_config,
)


def _check_services(rest: Mapping, reading: Reading) -> bool:
    services = rest.entries.get("services")
    seen: dict[str, str] = {}
    right = True
    for service in services.items if isinstance(services, Sequence) else ():
        name = service.entries.get("name") if isinstance(service, Mapping) else None
        if not isinstance(name, Scalar):
            continue
        first = seen.setdefault(name.text.lower(), name.text)
        if first is not name.text:
            reading.mistakes.add(name.place, f"the service {name.text!r} is there already, as {first!r}")
            right = False
    return right


# In the order in which they are applied.
EXTENSIONS = {
    "rest": Record(
        "rest extension",
        "Ask servers in templates.",
        Key("services", ListOf(SERVICE, "services"), "servers by name", default="none"),
        Key("timeout", TIMEOUT, "seconds to wait", default="5"),
        Key("limits", LIMITS, "how many connections", default="see there"),
        Key("garbage_collector_timeout", DURATION, "how often old answers are dropped", default="1 hour"),
        make=_config,
        finish=_check_services,
    ),
    "datetime": Record("datetime extension", "Filters for dates and times.", make=_config),
    "babel": Record(
        "babel extension",
        "Filters that print dates, numbers and money in many languages.",
        Key("locale", TEXT, "as `de_DE`", default="that of the environment"),
        Key("tz", ZONE, "as `Europe/Berlin`", default="values keep UTC"),
        Key("currency", TEXT, "ISO code, as `EUR`", default="none"),
        make=_config,
    ),
    "rasa": Record(
        "rasa extension",
        "A Rasa server recognises intents and entities.",
        Key("url", SERVER, "of the server, with a final `/`", required=True),
        Key(
            "threshold",
            Record(
                "rasa threshold",
                "How sure Rasa must be.",
                Key("entity", NUMBER, "of an entity", default="0.7"),
                make=_config,
            ),
            "how sure Rasa must be",
            default="see there",
        ),
        make=_config,
    ),
    "jinja_loader": Record("jinja_loader extension", "Templates in files.", make=_config),
}


class OwnConfig(Kind):
    """The configuration of an author's own extension, which checks it itself."""

    title = "mapping"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if isinstance(value, Mapping):
            return plain(value)
        return self._mistake(value, reading, name, "a mapping; '{}' for one without keys")

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"type": "object"}


_OWN = OwnConfig()


class Extensions(Kind):
    """The section `extensions`.

    Args:
        own: Names of extensions that are not built in.
    """

    title = "mapping of extensions to their configuration"

    def __init__(self, own: Collection[str] = ()) -> None:
        self._own = own

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Mapping):
            return self._mistake(value, reading, name, "a mapping of extensions: 'datetime: {}'")
        order = [*EXTENSIONS, *self._own]
        if not value.keys.keys() <= set(order):
            from maxbot.extensions import registry  # looking at installed packages takes a while

            order += registry.installed()
        for key, place in value.keys.items():
            if key not in order:
                reading.mistakes.add_unknown(place, f"unknown extension {shown(key)}", key, order)
        found = [self._extension(value, key, reading) for key in order if key in value.entries]
        return tuple(extension for extension in found if extension is not None)

    def _extension(self, value: Mapping, name: str, reading: Reading) -> ExtensionDefinition | None:
        config_value = value.entries[name]
        with reading.mistakes.hidden():
            kind: Kind = EXTENSIONS.get(name, _OWN)
            config = kind.read(config_value, reading, repr(name))
        if config is WRONG:
            return None
        places = dict(_places(config_value))
        return ExtensionDefinition(name=name, config=config, place=value.keys[name], places=places)

    def json_schema(self, schemas: Schemas) -> Schema:
        known = {name: record.json_schema(schemas) for name, record in EXTENSIONS.items()}
        return {"type": "object", "properties": known, "additionalProperties": _OWN.json_schema(schemas)}


def plain(value: Value) -> Any:
    """Return a value as texts, lists and dicts."""
    if isinstance(value, Scalar):
        return value.text
    if isinstance(value, Sequence):
        return [plain(item) for item in value.items]
    return {key: plain(item) for key, item in value.entries.items()} if isinstance(value, Mapping) else None


def _places(value: Value, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Place]]:
    yield path, value.place
    if isinstance(value, Mapping):
        for key, item in value.entries.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value.items):
            yield from _places(item, (*path, index))
