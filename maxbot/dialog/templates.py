"""The expressions and templates of a bot: Jinja in a sandbox, with errors that name the line of the bot's file.

What a user says is only ever a value here, never the source of a template. Templates are compiled once, at load. Their
line numbers are changed to those of the bot's file before that, so that tracebacks show the file's own lines.
"""

from collections.abc import Iterator
from traceback import walk_tb
from typing import Any, NoReturn

from jinja2 import Template, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.debug import rewrite_traceback_stack
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from maxbot.dialog.source import Source
from maxbot.errors import TurnError

OUTPUT_LIMIT = 64 * 1024
"""Characters that one template may produce, and items that one `*` may."""

POWER_LIMIT = 100_000
"""Bits of a result of `**`."""

EXTENSIONS = ["jinja2.ext.do", "jinja2.ext.loopcontrols"]

# Names that later versions of the language let a template assign to.
STATE_NAMES = {"user", "slots"}


class _Undefined(Undefined):
    """False, empty and comparable; an error as soon as somebody prints it or looks for something in it."""

    __slots__ = ()

    def __str__(self) -> str:
        self._fail_with_undefined_error()


class _Environment(SandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(
            undefined=_Undefined, extensions=EXTENSIONS, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        del self.globals["lipsum"]

    def getattr(self, obj: Any, attribute: str) -> Any:
        # What a message or a slot holds comes before the methods of dict: `slots.items` is a slot named "items".
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr == "__len__" or super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * right > POWER_LIMIT:
                raise OverflowError(f"the result of ** has more than {POWER_LIMIT} bits")
        elif operator == "*":
            items, times = (right, left) if isinstance(left, int) else (left, right)
            repeats = isinstance(items, str | list | tuple) and isinstance(times, int)
            if repeats and len(items) * times > OUTPUT_LIMIT:
                raise OverflowError(f"the result of * is longer than {OUTPUT_LIMIT}")
        return super().call_binop(context, operator, left, right)


class Scope:
    """The names that one turn's expressions and templates see."""

    __slots__ = ("names",)

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names


class Expression:
    """A compiled condition."""

    def __init__(self, templates: "Templates", source: Source) -> None:
        self._source = source
        tree = _parse(templates.environment, source, _parse_expression)
        value = tree.body[0].node  # type: ignore[attr-defined]
        # `true` and friends need no run.
        self._constant = bool(value.value) if isinstance(value, nodes.Const) else None
        self._template = _compile(templates.environment, source, tree)

    def holds(self, scope: Scope) -> bool:
        """Return whether the condition is true; something undefined is not.

        Raises:
            TurnError: It could not be evaluated; the text has file and line.
        """
        if self._constant is not None:
            return self._constant
        context = Context(self._template.environment, scope.names, None, {})
        try:
            for _ in self._template.root_render_func(context):
                pass
            return bool(context.vars["result"])
        except Exception as error:
            _fail(error, self._source)


class TextTemplate:
    """A compiled template."""

    def __init__(self, templates: "Templates", source: Source) -> None:
        self._source = source
        tree = _parse(templates.environment, source, _parse_template)
        self._template = _compile(templates.environment, source, tree)

    def render(self, scope: Scope) -> str:
        """Return the text, without white space around it.

        Raises:
            TurnError: It could not be rendered, or is longer than `OUTPUT_LIMIT`; the text has file and line.
        """
        context = Context(self._template.environment, scope.names, None, self._template.blocks)
        pieces = []
        length = 0
        try:
            for piece in self._template.root_render_func(context):
                length += len(piece)
                if length > OUTPUT_LIMIT:
                    raise OverflowError(f"the text is longer than {OUTPUT_LIMIT} characters")
                pieces.append(piece)
        except Exception as error:
            _fail(error, self._source)
        return "".join(pieces).strip()


class Templates:
    """Compiles the expressions and templates of one bot."""

    def __init__(self) -> None:
        self.environment = _Environment()

    def expression(self, source: Source) -> Expression:
        """Compile a condition.

        Raises:
            BotError: It is not an expression; has file, line and column.
        """
        return Expression(self, source)

    def template(self, source: Source) -> TextTemplate:
        """Compile a template.

        Raises:
            BotError: Its syntax is wrong, or it uses a filter or test that does not exist; has file and line.
        """
        return TextTemplate(self, source)

    def scope(self, names: dict[str, Any]) -> Scope:
        """Return what one turn's expressions and templates see: `names` besides Jinja's own functions."""
        return Scope({**self.environment.globals, **names})


def _parse_template(environment: _Environment, source: Source) -> nodes.Template:
    return environment.parse(source.text, None, source.file)


def _parse_expression(environment: _Environment, source: Source) -> nodes.Template:
    parser = Parser(environment, source.text, state="variable")
    value = parser.parse_expression()
    if not parser.stream.eos:
        behind = parser.stream.current
        raise TemplateSyntaxError(f"there is something behind the expression: {behind.value!r}", behind.lineno)
    value.set_environment(environment)
    assignment = nodes.Assign(nodes.Name("result", "store", lineno=1), value, lineno=1)
    return nodes.Template([assignment], lineno=1)


def _parse(environment: _Environment, source: Source, parse: Any) -> nodes.Template:
    """Return the tree with line numbers of the bot's file."""
    try:
        tree: nodes.Template = parse(environment, source)
    except TemplateSyntaxError as error:
        raise source.error(str(error.message), source.line(error.lineno)) from None
    except RecursionError:
        raise source.error("the template is nested too deeply", source.line(1)) from None
    for node in _walk(tree):
        if node.lineno is not None:
            node.lineno = source.line(node.lineno)
        _check(environment, node, source)
    return tree


def _check(environment: _Environment, node: nodes.Node, source: Source) -> None:
    # Jinja itself leaves an unknown filter in a branch to the first turn that takes the branch.
    for kind, word, known in ((nodes.Filter, "filter", environment.filters), (nodes.Test, "test", environment.tests)):
        if isinstance(node, kind) and node.name not in known:
            raise source.error(f"there is no {word} {node.name!r}", node.lineno)
    if isinstance(node, nodes.NSRef) and node.name in STATE_NAMES:
        raise source.error(f"assigning to {node.name}.{node.attr} is not supported by this version", node.lineno)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    # Jinja shares no node between two places, so each line number is changed once.
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _compile(environment: _Environment, source: Source, tree: nodes.Template) -> Template:
    try:
        code = environment.compile(tree, None, source.file)
    except TemplateSyntaxError as error:  # two blocks of one name; the line is the file's already
        raise source.error(str(error.message), error.lineno) from None
    except (RecursionError, SyntaxError):  # more than 20 loops inside each other are too much for Python
        raise source.error("the template is nested too deeply", source.line(1)) from None
    return Template.from_code(environment, code, {})


def _fail(error: Exception, source: Source) -> NoReturn:
    """Raise what stopped a template, with the line of the bot's file."""
    line = source.line(1)
    for frame, code_line in walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            line = template.get_corresponding_lineno(code_line)
    text = str(error.message) if isinstance(error, UndefinedError) else f"{type(error).__name__}: {error}"
    raise TurnError(f"{source.file}:{line}: {text}") from rewrite_traceback_stack()
