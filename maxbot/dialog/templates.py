"""The expressions and templates of a bot, compiled once, at load; their errors name the line of the bot's file.

What a user says is only ever a value here, never the source of a template. Line numbers are changed to those of the
bot's file before templates are compiled, so that tracebacks show the file's own lines.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from traceback import walk_tb
from typing import Any, NoReturn, TypeVar

from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.debug import rewrite_traceback_stack
from jinja2.parser import Parser
from jinja2.runtime import Context

from maxbot.dialog.environment import Environment, Names
from maxbot.dialog.limits import SIZE_LIMIT
from maxbot.dialog.source import Source
from maxbot.errors import TurnError

_RESULT = "result"

BLANKS = " \t\r\n"
"""What is taken off around a rendered text. Other white space is left to the markup, which refuses some of it."""


class Expression:
    """A compiled condition, `value` or the like."""

    def __init__(self, environment: Environment, source: Source, names: set[str]) -> None:
        self.source = source
        self._environment = environment
        self._tree = _parse(environment, source, _parse_expression, names)
        self.root: nodes.Expr = self._tree.body[0].node  # type: ignore[attr-defined]
        self._constant = self.root if isinstance(self.root, nodes.Const) else None
        self._run: Callable[[Context], Iterator[str]] | None = None

    def compile(self) -> "Expression":
        """Make it ready to be evaluated.

        Raises:
            BotError: It cannot be; has file, line and column.
        """
        self._run = _compile(self._environment, self.source, self._tree).root_render_func
        del self._tree, self.root  # large, and of no use any more
        return self

    def holds(self, scope: "Scope") -> bool:
        """Return whether it is true; something undefined is not.

        Raises:
            TurnError: It could not be evaluated; the text has file and line.
        """
        if self._constant is not None:  # `true` and friends need no run
            return bool(self._constant.value)
        return self.is_true(self.evaluate(scope))

    def is_true(self, value: Any) -> bool:
        """Return whether a value of this expression is true.

        Raises:
            TurnError: It does not say; the text has file and line.
        """
        try:
            return bool(value)
        except Exception as error:
            _fail(error, self.source)

    def evaluate(self, scope: "Scope") -> Any:
        """Return its value.

        Raises:
            TurnError: It could not be evaluated; the text has file and line.
        """
        assert self._run is not None
        context = scope.context
        try:
            for _ in self._run(context):
                pass
        except Exception as error:
            _fail(error, self.source)
        return context.vars.pop(_RESULT)


class TextTemplate:
    """A compiled template."""

    def __init__(self, environment: Environment, source: Source, names: set[str]) -> None:
        self.source = source
        self._environment = environment
        self._is_plain = False
        """Whether nothing in it can be waited for: it is rendered at one go, which costs a third."""
        self.constant: str | None = None if environment.may_hold_code(source.text) else source.text.strip(BLANKS)
        """The text of a template without expressions and statements, which is most of them."""
        self._template: Template | None = None
        if self.constant is None:
            tree = _parse(environment, source, _parse_template, names)
            self._is_plain = all(type(node) in _PLAIN for node in _walk(tree))
            if self._is_plain:
                self._environment = environment.for_expressions()
            self._template = _compile(self._environment, source, tree)

    async def render(self, names: Names) -> str:
        """Return the text, without white space around it.

        Raises:
            TurnError: It could not be rendered, or is longer than `SIZE_LIMIT`; the text has file and line.
        """
        if self._template is None:
            return self.constant or ""
        context = self._environment.context_class(self._environment, names, None, self._template.blocks)
        if self._is_plain:
            return self._rendered(context)
        pieces: list[str] = []
        length = 0
        stream = self._template.root_render_func(context)
        try:
            async for piece in stream:  # type: ignore[attr-defined]
                length += len(piece)
                if length > SIZE_LIMIT:
                    raise OverflowError(f"the text is longer than {SIZE_LIMIT} characters")
                pieces.append(piece)
        except Exception as error:
            _fail(error, self.source)
        finally:
            await stream.aclose()  # type: ignore[attr-defined]
        return "".join(pieces).strip(BLANKS)

    def _rendered(self, context: Context) -> str:
        assert self._template is not None
        try:
            text = "".join(self._template.root_render_func(context))
            if len(text) > SIZE_LIMIT:
                raise OverflowError(f"the text is longer than {SIZE_LIMIT} characters")
        except Exception as error:
            _fail(error, self.source)
        return text.strip(BLANKS)

    def failed(self, message: str) -> TurnError:
        """Return the error of a turn for what it rendered."""
        return TurnError(message, self.source.error(message, self.source.line(1)))


_PLAIN = frozenset(
    {
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.Name,
        nodes.Getattr,
        nodes.Getitem,
        nodes.Const,
        nodes.If,
        nodes.CondExpr,
        nodes.Compare,
        nodes.Operand,
        nodes.And,
        nodes.Or,
        nodes.Not,
        nodes.Add,
        nodes.Concat,
    }
)
"""What calls nothing and goes round in no loop."""


Made = TypeVar("Made", Expression, TextTemplate)


class Templates:
    """Compiles the expressions and templates of one bot.

    Args:
        options: For Jinja's environment, above those of the language.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.environment = Environment(options)
        self.names: set[str] = set()
        """The names that expressions and templates ask for, also those they set themselves."""
        self._checked: dict[tuple[int, bool], Expression | TextTemplate] = {}

    @cached_property
    def expressions(self) -> Environment:
        """What expressions are compiled with: made when the author has added all filters, tests and functions."""
        return self.environment.for_expressions()

    def expression(self, source: Source) -> Expression:
        """Parse an expression, which whoever wants to evaluate it has to compile.

        Raises:
            BotError: It is not an expression; has file, line and column.
        """
        known = self._checked.pop((id(source), True), None)
        if isinstance(known, Expression):
            return known
        return self._noted(Expression(self.expressions, source, self.names))

    def template(self, source: Source) -> TextTemplate:
        """Compile a template.

        Raises:
            BotError: Its syntax is wrong, or it uses a filter or test that does not exist; has file and line.
        """
        known = self._checked.pop((id(source), False), None)
        if isinstance(known, TextTemplate):
            return known
        return self._noted(TextTemplate(self.environment, source, self.names))

    def _noted(self, made: Made) -> Made:
        # Whoever reads a bot asks for everything once, to see that it is right, and whoever runs it once more.
        self._checked[id(made.source), isinstance(made, Expression)] = made
        return made

    def scope(self, names: Names) -> "Scope":
        """Return what one turn's expressions and templates see: `names` besides the functions of the environment."""
        return Scope(self.expressions, {**self.environment.globals, **names})


class Scope:
    """The names that expressions and templates see."""

    __slots__ = ("_context", "_environment", "names")

    def __init__(self, environment: Environment, names: Names) -> None:
        self.names = names
        self._environment = environment
        self._context: Context | None = None

    def plus(self, **more: Any) -> "Scope":
        """Return this scope with a few names more."""
        return Scope(self._environment, {**self.names, **more})

    @property
    def context(self) -> Context:
        """What Jinja runs expressions with; they leave nothing behind in it, so that all can have the same."""
        if self._context is None:
            self._context = self._environment.context_class(self._environment, self.names, None, {})
        return self._context


def _parse_template(environment: Environment, source: Source) -> nodes.Template:
    return environment.parse(source.text, None, source.file)


def _parse_expression(environment: Environment, source: Source) -> nodes.Template:
    parser = Parser(environment, source.text, state="variable")
    value = parser.parse_expression()
    if not parser.stream.eos:
        behind = parser.stream.current
        meant = " (equality is ==)" if behind.value == "=" else ""
        raise TemplateSyntaxError(f"there is something behind the expression: {behind.value!r}{meant}", behind.lineno)
    assignment = nodes.Assign(nodes.Name(_RESULT, "store", lineno=1), value, lineno=1)
    tree = nodes.Template([assignment], lineno=1)
    tree.set_environment(environment)
    return tree


def _parse(
    environment: Environment,
    source: Source,
    parse: Callable[[Environment, Source], nodes.Template],
    names: set[str],
) -> nodes.Template:
    """Return the tree with line numbers of the bot's file; add the names in it to `names`."""
    is_expression = parse is _parse_expression
    try:
        tree = parse(environment, source)
    except TemplateSyntaxError as error:
        # An expression is shown where it starts: authors look at the whole of it anyway.
        raise source.error(str(error.message), None if is_expression else source.line(error.lineno)) from None
    except RecursionError:
        raise source.error("the template is nested too deeply", source.line(1)) from None
    # Whoever asks `'sparkle' is filter` knows that it may be none.
    asks = any(node.name in ("filter", "test") for node in tree.find_all(nodes.Test))
    for node in _walk(tree):
        if node.lineno is not None:
            node.lineno = source.line(node.lineno)
        if isinstance(node, nodes.Name):
            names.add(node.name)
        if not asks:
            _check(environment, node, source, is_expression)
    return tree


def _check(environment: Environment, node: nodes.Node, source: Source, is_expression: bool) -> None:
    called = node.node.name if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) else None
    if is_expression and called in ("later", "cancel_later"):
        raise source.error(f"{called} is for responses: an expression may be tried at every message")
    if is_expression and inspect.iscoroutinefunction(environment.globals.get(called or "")):
        raise source.error(f"{called} is a coroutine function, which only responses can wait for")
    # Jinja itself leaves an unknown filter in a branch to the first turn that takes the branch.
    for kind, word, known in ((nodes.Filter, "filter", environment.filters), (nodes.Test, "test", environment.tests)):
        if isinstance(node, kind):
            line = None if is_expression else node.lineno
            if node.name not in known:
                raise source.error(f"there is no {word} {node.name!r}", line)
            if is_expression and inspect.iscoroutinefunction(known[node.name]):
                raise source.error(f"the {word} {node.name!r} is a coroutine, which only responses can wait for", line)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    # Jinja shares no node between two places, so each line number is changed once.
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _compile(environment: Environment, source: Source, tree: nodes.Template) -> Template:
    try:
        code = environment.compile(tree, None, source.file)
    except TemplateSyntaxError as error:  # two blocks of one name; the line is the file's already
        raise source.error(str(error.message), error.lineno) from None
    except (RecursionError, SyntaxError):  # more than 20 loops inside each other are too much for Python
        raise source.error("the template is nested too deeply", source.line(1)) from None
    except Exception as error:  # what has no variables is evaluated here, and may fail
        raise source.error(f"this always fails: {error}", source.line(1)) from error
    return environment.template_class.from_code(environment, code, {})


def template_line() -> int | None:
    """Return the line of the bot's file that is running now, None outside of templates."""
    frame = inspect.currentframe()
    while frame is not None:
        if template := frame.f_globals.get("__jinja_template__"):
            line: int = template.get_corresponding_lineno(frame.f_lineno)
            return line
        frame = frame.f_back
    return None


def _fail(error: Exception, source: Source) -> NoReturn:
    """Raise what stopped a template, with the line of the bot's file."""
    line = source.line(1)
    for frame, code_line in walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and frame.f_code.co_filename == source.file:
            line = template.get_corresponding_lineno(code_line)
    known = isinstance(error, UndefinedError | TurnError)
    if isinstance(error, RecursionError):
        error = RecursionError("this goes too deep: do macros or included files call one another in a circle?")
    text = str(error.message) if known else f"{type(error).__name__}: {error}"  # type: ignore[attr-defined]
    raise TurnError(text, mistake=source.error(text, line)) from rewrite_traceback_stack()
