"""How the code is cut: small files, small functions, and no import upwards."""

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "maxbot"

LAYERS = (
    ("errors", "types", "backoff", "conversions", "board", "settings", "waiting"),
    ("commands", "env_files", "events", "imports", "meanwhile"),
    ("logs", "maxml", "dialog", "channels", "locks", "storage"),
    ("nlu", "outbox", "inbox"),
    ("delivery", "extensions"),
    ("bot",),
    ("context", "journal"),
    ("testing",),
    ("stories", "server"),
    ("cli",),
    ("__main__",),
)
"""Folders and files of the package. Each knows what stands in the lines above its own, and nothing else."""

THE_ONE_WAY_UP = "bot/by_hand.py: maxbot.server.serve"
"""A script of MaxBot 0.3 starts its own server: as it is called, and not as it is imported."""


@cache
def sources() -> dict[Path, ast.Module]:
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if "versions" not in file.parts]  # released as they are
    return {file: ast.parse(file.read_text()) for file in files}


def length(node: ast.AST) -> int:
    """Lines of a function or class, without its docstring: that is as long as the promise."""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    assert node.end_lineno is not None
    doc = node.body[0] if ast.get_docstring(node) is not None else None
    of_the_doc = 0 if doc is None or doc.end_lineno is None else doc.end_lineno - doc.lineno + 1
    return node.end_lineno - node.lineno + 1 - of_the_doc


def test_files_have_one_purpose() -> None:
    assert statistics.median(len(file.read_text().splitlines()) for file in sources()) < 100


def test_functions_read_like_the_sentence_that_explains_them() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = [length(node) for tree in sources().values() for node in ast.walk(tree) if isinstance(node, kinds)]
    assert statistics.quantiles(lengths, n=10)[-1] < 15


def test_no_class_is_large() -> None:
    large = [
        f"{file.name}: {node.name}"
        for file, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.end_lineno is not None and node.end_lineno - node.lineno >= 300
    ]
    assert not large


def imported(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the modules of ours that a file imports, and whether it does so as it is imported itself."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "maxbot":
                assert child.module is not None
                yield from ((f"{child.module}.{alias.name}", at_once) for alias in child.names)
            elif isinstance(child, ast.Import):
                yield from ((alias.name, at_once) for alias in child.names if alias.name.startswith("maxbot."))
            else:
                yield from visit(child, at_once and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return visit(tree, True)


def place(file: Path) -> str:
    """Return the folder or file of the package that a file is, or is in."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def test_every_folder_has_its_layer() -> None:
    there = {file.stem for file in PACKAGE.glob("*.py")} | {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert there - {"__init__"} == {name for layer in LAYERS for name in layer}


@pytest.mark.parametrize("name", [name for layer in LAYERS for name in layer])
def test_nobody_imports_upwards(name: str) -> None:
    height = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    upwards = [
        f"{file.relative_to(PACKAGE)}: {module}"
        for file, tree in sources().items()
        if place(file) == name
        for module, _ in imported(tree)
        if (other := module.split(".")[1]) in height and other != name and height[other] >= height[name]
    ]
    assert set(upwards) <= {THE_ONE_WAY_UP}


def test_there_is_no_circle() -> None:
    modules = {
        ".".join(("maxbot", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): tree
        for file, tree in sources().items()
    }
    graph = {
        name: {
            module if module in modules else module.rpartition(".")[0] for module, at_once in imported(tree) if at_once
        }
        - {name}
        for name, tree in modules.items()
    }
    TopologicalSorter(graph).prepare()  # raises, and names it, where there is one
