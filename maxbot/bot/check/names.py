"""Names that nobody defines, in expressions and templates: variables, intents, entities and their values."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from jinja2 import Environment, nodes

from maxbot.bot.check.scenarios import EVERYWHERE, FILE, MORE_NAMES, Text
from maxbot.bot.check.syntax import guarded, is_name, member, parse, walk
from maxbot.bot.read.mistakes import nearest, shown
from maxbot.dialog.definitions import BotDefinition

INTENT_WORDS = frozenset(("top", "ranking", "irrelevant", "definitions"))
ENTITY_WORDS = frozenset(("all_objects", "proxies"))
FIND_WORDS = frozenset(
    ("value", "literal", "name", "start_char", "end_char", "first", "all_values", "all_objects", "extras")
)
BUILT_IN_ENTITIES = frozenset(("number", "email", "url", "date", "time", "latent_date"))

# Jinja knows these where they are used; elsewhere they are as undefined as any other name.
JINJA_NAMES = frozenset(("self", "super", "caller", "varargs", "kwargs", "loop"))

ALIKE = 0.75
"""How much an unknown name is like the one that was meant, from 0 to 1."""

WORDS_OF_YAML = frozenset(("yes", "no", "on", "off", "null", "true", "false"))

Warn = Callable[[Text, int, str], None]
"""Takes a text, the line in it and what to say."""


@dataclass(frozen=True)
class Names:
    """What the expressions and templates of a bot may name."""

    bot: BotDefinition
    """Defines intents and entities."""
    environment: Environment
    """Has the functions, and the names that extensions and the author added."""
    recogniser: bool = True
    """False where something else recognises intents and entities: any name may be one."""
    closed: bool = True
    """False if Python code gives templates names of its own: any name may be one."""

    def check(self, text: Text, warn: Warn) -> None:
        """Warn of names in one text that nobody defines."""
        tree = parse(self.environment, text)
        # Blocks see what the template around them has set.
        if self.closed and not any(tree.find_all(nodes.Extends)):
            for name, line in self._unknown(text, tree):
                warn(text, line, name)
        if self.recogniser:
            self._check_recognised(text, tree, warn)

    def _unknown(self, text: Text, tree: nodes.Node) -> Iterator[tuple[str, int]]:
        own = {node.name for node in walk(tree) if isinstance(node, nodes.Name) and node.ctx != "load"}
        own |= {node.name for node in walk(tree) if isinstance(node, nodes.Macro)} | _imported(tree)
        more = MORE_NAMES.get(text.kind, frozenset()) | text.names
        known = EVERYWHERE | more | self.environment.globals.keys() | own
        careful = guarded(tree)
        # Who asks whether a name is defined knows that it may not be.
        told = {node.name for node in walk(tree) if isinstance(node, nodes.Name) and id(node) in careful}
        for node in walk(tree):
            if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known | JINJA_NAMES | told:
                close = nearest(node.name, known, ALIKE)
                told.add(node.name)
                yield f"nobody defines the name {shown(node.name)}{_advice(node.name, close)}", node.lineno

    def _check_recognised(self, text: Text, tree: nodes.Node, warn: Warn) -> None:
        intents = INTENT_WORDS | {intent.name for intent in self.bot.intents}
        careful = guarded(tree)
        for node in walk(tree):
            found = member(node)
            if found is None:
                continue
            owner, name = found
            if is_name(owner, "intents") and name not in intents:
                warn(text, node.lineno, f"there is no intent {_meant(name, intents - INTENT_WORDS)}")
            elif id(node) in careful:
                continue
            elif is_name(owner, "entities"):
                self._check_entity(text, node.lineno, name, warn)
            else:
                self._check_value(text, node.lineno, owner, name, warn)

    def _check_entity(self, text: Text, line: int, name: str, warn: Warn) -> None:
        entities = BUILT_IN_ENTITIES | {entity.name for entity in self.bot.entities}
        if name not in entities | ENTITY_WORDS:
            warn(text, line, f"there is no entity {_meant(name, entities)}")

    def _check_value(self, text: Text, line: int, owner: nodes.Node, name: str, warn: Warn) -> None:
        entity = member(owner)
        if entity is None or not is_name(entity[0], "entities"):
            return
        values = {value.name for defined in self.bot.entities if defined.name == entity[1] for value in defined.values}
        known = entity[1] in BUILT_IN_ENTITIES or any(defined.name == entity[1] for defined in self.bot.entities)
        if known and name not in values | FIND_WORDS:
            warn(text, line, f"the entity {shown(entity[1])} has no value {_meant(name, values | FIND_WORDS)}")


def _imported(tree: nodes.Node) -> set[str]:
    found = {node.target for node in walk(tree) if isinstance(node, nodes.Import)}
    for node in walk(tree):
        if isinstance(node, nodes.FromImport):
            found |= {name if isinstance(name, str) else name[1] for name in node.names}
    return found


def _advice(name: str, close: str | None) -> str:
    if name.lower() in WORDS_OF_YAML:
        return ": expressions have true, false and none"
    where = " and ".join(f"{kind!r}" for kind, names in MORE_NAMES.items() if kind != FILE and name in names)
    if where:
        return f" here: only {where} has it"
    return f", did you mean {shown(close)}?" if close else ""


def _meant(name: str, known: Collection[str]) -> str:
    close = nearest(name, known, ALIKE)
    return f"{shown(name)}, did you mean {shown(close)}?" if close else shown(name)
