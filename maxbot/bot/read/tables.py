"""The page of the reference that lists all keys: `python -m maxbot.bot.read.tables > docs/reference/keys.md`."""

from collections.abc import Iterable, Iterator

from maxbot.bot.read.extensions import AUTH, DURATION_PARTS, EXTENSIONS, LIMITS, SERVICE, TIMEOUT_PARTS
from maxbot.bot.read.language import (
    ENTITY,
    ENTITY_VALUE,
    HANDLER,
    INTENT,
    NODE,
    RPC_METHOD,
    RPC_PARAMETER,
    SETTINGS,
    SLOT,
    SUBTREE,
    SUBTREE_FILE,
)
from maxbot.bot.read.records import Key, Record
from maxbot.bot.read.stories import IMAGE, REQUEST, STORY, TURN

HEAD = """\
# The keys of a bot's files

Made by `python -m maxbot.bot.read.tables` of what reads and checks the files; `maxbot schema bot` and
`maxbot schema stories` say the same to editors.

A `bot.yaml` has the sections `extensions`, `channels`, `intents`, `entities`, `rpc` and `dialog`; none is required. All
scalars are texts as they are written; where a key needs something else, the text is converted:

| Kind | Is |
|---|---|
| text, template, expression | any scalar |
| integer, number | `3`, `+2`, `1_000`; and `1.5`, `1e3`, but no `nan` or `inf` |
| flag | `true yes on t y 1`, `false no off f n 0`, in lower case, upper case or with a capital |
| URL | with `http`, `https`, `ftp` or `ftps`, and a host |
| duration | seconds, or the keys below |
| timeout | seconds, or the keys below |
"""

LANGUAGE = (NODE, SETTINGS, SLOT, HANDLER, SUBTREE, SUBTREE_FILE)
RECOGNITION = (INTENT, ENTITY, ENTITY_VALUE)
RPC = (RPC_METHOD, RPC_PARAMETER)
CONFIGURATION = (SERVICE, AUTH, LIMITS)
STORIES = (STORY, TURN, REQUEST, IMAGE)


def page() -> str:
    """Return the page."""
    parts = [HEAD, *_tables("Dialog", LANGUAGE)]
    parts += [*_tables("Intents and entities", RECOGNITION), *_tables("RPC", RPC)]
    parts += _tables("Extensions", [*EXTENSIONS.values(), *CONFIGURATION, DURATION_PARTS, TIMEOUT_PARTS])
    parts += _tables("Stories", STORIES)
    return "\n".join(parts)


def _tables(title: str, records: Iterable[Record]) -> Iterator[str]:
    yield f"## {title}\n"
    for record in records:
        yield f"### {record.title}\n\n{record.help}\n"
        if record.keys:
            yield "| Key | Is | Default | Meaning |\n|---|---|---|---|"
            yield "".join(
                f"| `{key.name}` | {key.kind.title} | {_default(key)} | {key.help} |\n" for key in record.keys
            )


def _default(key: Key) -> str:
    return "required" if key.required else key.default


if __name__ == "__main__":
    print(page(), end="")
