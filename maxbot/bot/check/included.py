"""Files that templates include or import: found, read, and looked through like what includes them."""

from collections.abc import Callable, Iterator, Sequence

from jinja2 import Environment, TemplateError, TemplateSyntaxError, nodes

from maxbot.bot.check.scenarios import FILE, Text
from maxbot.bot.check.syntax import parse, walk
from maxbot.bot.read.places import shown_path
from maxbot.dialog.source import Document, Place, Source

Warn = Callable[[Text, int, str], None]

_LOADS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class Included:
    """The files that the templates of a bot name.

    Args:
        environment: Finds and parses them.
        warn: Told of those that are missing or broken.
    """

    def __init__(self, environment: Environment, warn: Warn) -> None:
        self._environment = environment
        self._warn = warn
        self._seen: set[tuple[str, str]] = set()
        self.is_open = False
        """Whether some name is known only in a turn, so that any file may take part."""

    def of(self, text: Text) -> Iterator[Text]:
        """Yield what a template loads, and what that loads: each file once for each kind of template."""
        tree = parse(self._environment, text)
        own = _assigned(tree) | text.names
        for load in walk(tree):
            if isinstance(load, _LOADS):
                for file in self._files(text, load):
                    kind = FILE if isinstance(load, nodes.Import | nodes.FromImport) else text.kind
                    yield from self._look_at(Text(kind, file, True, own))

    def _look_at(self, text: Text) -> Iterator[Text]:
        if (text.kind, text.source.file) in self._seen:
            return
        self._seen.add((text.kind, text.source.file))
        try:
            parse(self._environment, text)
        except TemplateSyntaxError as error:
            self._warn(text, error.lineno, error.message or "this cannot be read as a template")
        else:
            yield text
            yield from self.of(text)

    def _files(self, text: Text, load: nodes.Node) -> Iterator[Source]:
        names = _names(load.template)  # type: ignore[attr-defined]
        if names is None:
            self.is_open = True
            return
        found = [file for name in names if (file := self._read(name)) is not None]
        yield from found
        if not found and not getattr(load, "ignore_missing", False):
            named = " or ".join(map(repr, names))
            needs = "" if self._environment.loader else ": templates find files with the extension jinja_loader"
            self._warn(text, load.lineno, f"there is no file {named}{needs}")

    def _read(self, name: str) -> Source | None:
        if self._environment.loader is None:
            return None
        try:
            text, path, _ = self._environment.loader.get_source(self._environment, name)
        except TemplateError:
            return None
        document = Document(shown_path(path) if path else name, text)
        return Source(text, Place(document, 1, 1), tuple(range(1, len(document.lines) + 2)))


def _names(template: nodes.Expr) -> Sequence[str] | None:
    """Return the names that stand there, None if a turn makes them."""
    each = template.items if isinstance(template, nodes.List | nodes.Tuple) else [template]
    names = [node.value for node in each if isinstance(node, nodes.Const) and isinstance(node.value, str)]
    return names if len(names) == len(each) else None


def _assigned(tree: nodes.Node) -> frozenset[str]:
    return frozenset(node.name for node in walk(tree) if isinstance(node, nodes.Name) and node.ctx != "load")
