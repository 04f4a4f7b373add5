"""The statements: `{% POST "stock://items" body {"name": "x"} timeout 3 %}` sets `rest`."""

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


class RestStatement(Extension):
    """Reads a tag as `{% set rest = rest_call(method=..., url=..., ...) %}`."""

    tags = set(METHODS)

    def parse(self, parser: Parser) -> nodes.Node:
        """Return the assignment that a tag stands for."""
        tag = next(parser.stream)
        arguments = [
            nodes.Keyword("method", nodes.Const(tag.value.lower()), lineno=tag.lineno),
            nodes.Keyword("url", parser.parse_expression(), lineno=tag.lineno),
        ]
        while parser.stream.current.type != "block_end":
            parser.stream.skip_if("comma")
            name = parser.stream.expect("name")
            parser.stream.skip_if("assign")
            if any(argument.key == name.value for argument in arguments):
                parser.fail(f"{tag.value} has the argument {name.value!r} twice", name.lineno)
            arguments.append(nodes.Keyword(name.value, parser.parse_expression(), lineno=name.lineno))
        call = nodes.Call(nodes.Name("rest_call", "load"), [], arguments, None, None, lineno=tag.lineno)
        return nodes.Assign(nodes.Name("rest", "store"), call, lineno=tag.lineno)
