"""Puts the checks together: what to warn of in a bot that can be run."""

from collections.abc import Callable, Iterable
from functools import cached_property

from jinja2 import Environment

from maxbot.bot.check.circles import endless
from maxbot.bot.check.commands import CannotSend, Element, elements_of, misplaced, unsendable
from maxbot.bot.check.comparisons import never_true
from maxbot.bot.check.elements import Elements
from maxbot.bot.check.included import Included
from maxbot.bot.check.names import ALIKE, Names
from maxbot.bot.check.recognised import defined_twice
from maxbot.bot.check.requests import Requests
from maxbot.bot.check.scenarios import Text, nodes_of, texts_of
from maxbot.bot.check.syntax import parse
from maxbot.bot.check.tree import check_tree, used_subtrees
from maxbot.bot.markup import schemas as built_in
from maxbot.bot.read.mistakes import nearest, shown
from maxbot.dialog.definitions import BotDefinition
from maxbot.errors import BotError, Mistake
from maxbot.maxml import CommandSchema

TRANSITIONS = ("response", "condition", "listen")


def check_bot(
    bot: BotDefinition,
    environment: Environment,
    *,
    recogniser: bool = True,
    closed: bool = True,
    cannot_send: CannotSend = lambda kind: (),
    schemas: Callable[[], Iterable[CommandSchema]] = built_in,
) -> list[Mistake]:
    """Return what is probably not meant as it is written, in the order of the files.

    Args:
        bot: It has been read, so that there are no mistakes in it.
        environment: Parses its templates; has the functions and filters that extensions and the author added.
        recogniser: Whether the built-in one recognises intents and entities: another one may know any name.
        closed: False if Python code gives templates names of its own.
        cannot_send: Knows the channels.
        schemas: Returns the kinds of replies, and is asked at the first markup.
    """
    names = Names(bot, environment, recogniser, closed)
    return _Check(bot, environment, names, schemas, cannot_send, recogniser).run()


class _Check:
    def __init__(
        self,
        bot: BotDefinition,
        environment: Environment,
        names: Names,
        schemas: Callable[[], Iterable[CommandSchema]],
        cannot_send: CannotSend,
        recogniser: bool,
    ) -> None:
        self._bot = bot
        self._environment = environment
        self._names = names
        self._schemas = schemas
        self._cannot_send = cannot_send
        self._recogniser = recogniser
        self._requests = Requests(bot.rpc)
        self._warnings: list[BotError] = []
        self._targets: set[str] = set()
        self._builds_jumps = False

    def run(self) -> list[Mistake]:
        if not self._bot.dialog:
            return [Mistake("the dialog has no nodes: this bot never answers")]
        labels = self._labels()
        included = Included(self._environment, self._warn)
        for text in texts_of(self._bot):
            self._check(text, labels)
            for file in included.of(text) if text.is_template else ():
                self._check(file, labels)
        targets = None if self._builds_jumps or included.is_open else self._targets
        found = [*check_tree(self._bot, targets), *endless(self._bot, self._environment)]
        if self._recogniser:
            found += defined_twice(self._bot)
        self._warnings += [place.error(message) for place, message in found]
        # A file that several kinds of templates include is looked at for each.
        return list(dict.fromkeys(error.mistakes[0] for error in self._warnings))

    def _check(self, text: Text, labels: set[str]) -> None:
        self._names.check(text, self._warn)
        self._check_values(text)
        if text.is_template:
            self._check_elements(text, labels)
            self._check_commands(text)

    def _labels(self) -> set[str]:
        used = used_subtrees(self._bot)
        lists = [self._bot.dialog, *(subtree.nodes for subtree in self._bot.subtrees if subtree.name in used)]
        return {node.label for items in lists for node in nodes_of(items) if node.label is not None}

    def _warn(self, text: Text, line: int, message: str) -> None:
        # An expression is shown where it starts: its lines are not those that were counted.
        self._warnings.append(text.source.error(message, text.source.line(line) if text.is_template else None))

    def _check_values(self, text: Text) -> None:
        tree = parse(self._environment, text)
        for message, line in (*self._requests.unknown(tree), *never_true(tree, recogniser=self._recogniser)):
            self._warn(text, line, message)

    def _check_elements(self, text: Text, labels: set[str]) -> None:
        whole = 0
        for element in elements_of(self._environment, text):
            wrong = misplaced(text, element) or unsendable(element, self._cannot_send)
            if wrong is not None:
                self._warn(text, element.line, wrong)
            elif element.name == "jump_to" and element.is_control:
                whole += 1
                self._check_jump(text, element, labels)
        self._builds_jumps = self._builds_jumps or text.source.text.count("jump_to") > whole

    @cached_property
    def _elements(self) -> Elements:
        return Elements(tuple(self._schemas()))

    def _check_commands(self, text: Text) -> None:
        if "<" not in text.source.text:
            return
        for name, line in self._elements.unknown(self._environment, text):
            close = nearest(name, self._elements.commands, ALIKE)
            meant = f", did you mean <{close}>?" if close else ""
            self._warn(text, line, f"there is no command <{name}>{meant}")

    def _check_jump(self, text: Text, element: Element, labels: set[str]) -> None:
        label, transition = element.attributes.get("node"), element.attributes.get("transition")
        if label is None or transition not in TRANSITIONS:
            self._warn(text, element.line, f"a jump has a node and a transition: {', '.join(TRANSITIONS)}")
        elif label not in labels:
            close = nearest(label, labels)
            meant = f", did you mean {shown(close)}?" if close else ""
            self._warn(
                text, element.line, f"the jump goes nowhere: there is no node with the label {shown(label)}{meant}"
            )
        if label is not None:
            self._targets.add(label)
