"""The statements of the language's own: `delete`, `debug` and `warning`."""

from contextvars import ContextVar
from typing import Any, Protocol

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser

from maxbot.dialog.variables import Variables


class Listener(Protocol):
    """What templates tell while they run."""

    def remove(self, variables: Variables, name: str) -> None:
        """Remove a variable of `user` or `slots`."""

    def logged(self, level: str, message: Any) -> None:
        """Note what `{% debug %}` or `{% warning %}` was given."""


current_listener: ContextVar[Listener | None] = ContextVar("current_listener", default=None)
"""That of the turn which is running."""


class DeleteStatement(Extension):
    """`{% delete user.name %}` removes a variable."""

    tags = {"delete"}

    def parse(self, parser: Parser) -> nodes.Node:
        """Read one statement."""
        line = next(parser.stream).lineno
        target = parser.parse_assign_target(with_tuple=False, with_namespace=True)
        if not isinstance(target, nodes.NSRef):
            parser.fail("delete takes one variable: {% delete user.name %}", line)
        arguments = [nodes.Name(target.name, "load", lineno=line), nodes.Const(target.attr, lineno=line)]
        return nodes.ExprStmt(self.call_method("_delete", arguments, lineno=line), lineno=line)

    def _delete(self, variables: Any, name: str) -> None:
        if type(variables) is not Variables:
            raise TemplateRuntimeError(f"only variables of user and slots can be deleted, and {name} is none of them")
        if listener := current_listener.get():
            listener.remove(variables, name)


class LogStatements(Extension):
    """`{% debug a, b %}` and `{% warning 'text' %}` write into the journal."""

    tags = {"debug", "warning"}

    def parse(self, parser: Parser) -> nodes.Node:
        """Read one statement."""
        token = next(parser.stream)
        message = parser.parse_tuple()
        level = nodes.Const(token.value.upper(), lineno=token.lineno)
        return nodes.ExprStmt(self.call_method("_log", [level, message], lineno=token.lineno), lineno=token.lineno)

    def _log(self, level: str, message: Any) -> None:
        if listener := current_listener.get():
            listener.logged(level, message)
