"""Jinja as the language has it: in a sandbox, with its own kind of undefined, statements, filters and limits."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, TypeAlias

from jinja2 import Template, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter
from markupsafe import EscapeFormatter, Markup

from maxbot.dialog import limits
from maxbot.dialog.filters import limited_filters, lipsum, mandatory, nl2br
from maxbot.dialog.statements import DeleteStatement, LogStatements
from maxbot.dialog.timers import cancel_later, later
from maxbot.dialog.variables import Variables, scope_of, values_of

EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols", DeleteStatement, LogStatements)

Names: TypeAlias = dict[str, Any]
"""What an expression or template sees."""

DICT_ATTRIBUTES = frozenset(dir(dict))


class LanguageUndefined(Undefined):
    """False, empty and comparable; an error as soon as somebody prints it or looks for something in it."""

    __slots__ = ()

    def __str__(self) -> str:
        self._fail_with_undefined_error()


class _CountingGenerator(CodeGenerator):
    """Lets loops and macros take steps of the turn's budget, and `~` know a limit."""

    def visit_ExprStmt(self, node: nodes.ExprStmt, frame: Frame) -> None:
        if isinstance(node.node, nodes.ContextReference):
            self.writeline("environment.spend()", node)
        else:
            super().visit_ExprStmt(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.checked_text(")
        super().visit_Concat(node, frame)
        self.write(")")


class Environment(SandboxedEnvironment):
    """What templates are compiled and run with.

    Args:
        is_async: Whether filters and functions may be coroutines; expressions are not run that way.
        options: Of the author's own, above those of the language.
    """

    intercepted_binops = limits.LIMITED_OPERATORS
    code_generator_class = _CountingGenerator
    spend = staticmethod(limits.spend)
    checked_text = staticmethod(limits.checked_text)

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        options = dict(options or {})
        extensions = [*EXTENSIONS, *options.pop("extensions", ())]
        own = {"undefined": LanguageUndefined, "autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
        own |= {"finalize": limits.checked_output, "enable_async": True}
        super().__init__(**{**own, **options}, extensions=extensions)
        self.filters.update(limited_filters(), mandatory=mandatory, nl2br=nl2br)
        self.globals.update(mandatory=mandatory, lipsum=lipsum, later=later, cancel_later=cancel_later)

    def for_expressions(self) -> "Environment":
        """Return the environment that runs expressions; it shares filters, tests and functions with this one."""
        overlay = self.overlay(enable_async=False)
        assert isinstance(overlay, Environment)
        return overlay

    def may_hold_code(self, text: str) -> bool:
        """Say whether a template is perhaps more than its text."""
        starts = (self.variable_start_string, self.block_start_string, self.comment_start_string)
        lines = self.line_statement_prefix or self.line_comment_prefix
        return bool(lines) or any(start in text for start in starts)

    def _generate(self, source: nodes.Template, *args: Any, **keywords: Any) -> str:
        for node in source.find_all((nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)):
            if isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block):
                node.body.insert(0, nodes.ExprStmt(nodes.ContextReference(), lineno=node.lineno))
        return super()._generate(source, *args, **keywords)

    def _load_template(self, *args: Any, **keywords: Any) -> Template:
        limits.spend()  # files that include one another twice each would go on for years
        return super()._load_template(*args, **keywords)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read `obj.attribute`."""
        kind = type(obj)
        if kind is dict and attribute not in DICT_ATTRIBUTES:  # the usual case, and a fast one
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if kind is Variables:
            return self._variable(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read `obj[argument]`."""
        if type(obj) is Variables:
            return self._variable(obj, argument)
        return super().getitem(obj, argument)

    def _variable(self, variables: Variables, name: Any) -> Any:
        values = values_of(variables)
        return values[name] if name in values else self.undefined(f"{scope_of(variables)}.{name} is undefined")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Say whether templates may see an attribute."""
        return attr == "__len__" or super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Run an operator that may ask for too much memory."""
        limits.check_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **keywords: Any) -> Any:
        """Call a function or method."""
        limits.check_call(__obj, args, keywords)
        return super().call(__context, __obj, *args, **keywords)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return what stands for `str.format`: looks at attributes as templates do, and at widths."""
        if super().wrap_str_format(value) is None:
            return None
        text: str = value.__self__
        formatter = _EscapeFormatter(self, escape=text.escape) if isinstance(text, Markup) else _Formatter(self)
        by_mapping = value.__name__ == "format_map"

        def wrapper(*args: Any, **keywords: Any) -> str:
            result = formatter.vformat(text, () if by_mapping else args, args[0] if by_mapping else keywords)
            return type(text)(result)

        return update_wrapper(wrapper, value)


class _Formatter(SandboxedFormatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        limits.check_format_spec(format_spec)
        limits.checked_output(value)
        return super().format_field(value, format_spec)


class _EscapeFormatter(_Formatter, EscapeFormatter):
    pass
