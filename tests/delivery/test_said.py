"""The log of what happens to messages hears of everything that it has words for."""

import ast
import inspect
import textwrap

from maxbot.delivery.said import Log


def test_it_listens_to_every_kind_of_event_that_it_has_a_line_for() -> None:
    code = ast.parse(textwrap.dedent(inspect.getsource(Log.__call__)))
    said = {
        node.cls.id for node in ast.walk(code) if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    assert len(said) > 10
    assert {kind.__name__ for kind in Log.hears} == said
