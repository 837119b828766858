"""The arrows of the house: who may import whom, read from the sources themselves (docs/architecture.md draws them)."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
BELOW: Mapping[str, frozenset[str]] = {
    "dateline": frozenset({"ingest", "processors", "storage", "stream"}),
    "ingest": frozenset({"storage", "stream"}),
    "processors": frozenset({"stream"}),
    "storage": frozenset({"stream"}),
    "stream": frozenset(),
}
OUTSIDE = frozenset({"tests", "benchmarks", "scripts", "training"})  # they import the house; the house does not know them


class Import(NamedTuple):
    """One import between two modules of the house, and the line where it stands."""

    module: str
    target: str
    path: str
    line: int


def read_imports(sources: Mapping[str, str]) -> tuple[Import, ...]:
    """Return what the modules in *sources* (path → text) import of the house or from outside of it, in reading order."""
    modules = {_module(path): path for path in sources}
    return tuple(
        Import(module, _known(target, modules), path, line)
        for module, path in modules.items()
        for target, line in _targets(ast.parse(sources[path]), module, is_package=path.endswith("/__init__.py"))
        if target.split(".")[0] in {*BELOW, *OUTSIDE}
    )


def upward(imports: Iterable[Import]) -> list[str]:
    """Return a line for each import that points up, to the side, or out of the house."""
    return [
        f"{found.path}:{found.line}: {_room(found.module)} must not import {found.target}"
        for found in imports
        if _room(found.target) not in {_room(found.module), *BELOW[_room(found.module)]}
    ]


def circle(imports: Collection[Import]) -> list[str]:
    """Return the imports along one circle of modules, a line each; empty where there is none."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        if found.target != found.module:
            graph.setdefault(found.module, set()).add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as e:
        nodes: list[str] = e.args[1]  # each is imported by the next
        steps = [next(found for found in imports if (found.module, found.target) == step) for step in zip(nodes[1:], nodes, strict=False)]
        return [f"{found.path}:{found.line}: {found.module} imports {found.target}" for found in steps]
    return []


def _targets(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package=is_package)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _known(target: str, modules: Collection[str]) -> str:
    """``from a.b import c`` imports the module a.b.c where there is one, else a name of a.b."""
    while target not in modules and "." in target:
        target = target.rpartition(".")[0]
    return target


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _room(module: str) -> str:
    return module.split(".")[0]


def _sources() -> dict[str, str]:
    paths = [path for room in BELOW for path in sorted((ROOT / room).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_no_arrow_points_up() -> None:
    assert upward(read_imports(_sources())) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(read_imports(_sources())) == []


def test_every_room_is_read() -> None:
    assert {_room(found.module) for found in read_imports(_sources())} >= {"dateline", "ingest", "processors", "storage"}


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("stream/stage.py", "import json\nfrom storage import feeds\n", "stream/stage.py:2: stream must not import storage.feeds"),
        ("storage/writer.py", "import ingest.worker\n", "storage/writer.py:1: storage must not import ingest"),
        ("processors/events.py", "from storage.feeds import claim\n", "processors/events.py:1: processors must not import storage.feeds"),
        ("ingest/worker.py", "def f():\n    from dateline import cli\n", "ingest/worker.py:2: ingest must not import dateline"),
        ("dateline/cli.py", "from tests.services import kafka\n", "dateline/cli.py:1: dateline must not import tests"),
        ("ingest/worker.py", "from storage.feeds import claim\nfrom stream import x\nimport spacy\n", None),
    ],
)
def test_the_checker_names_the_line_of_an_arrow_that_points_up(path: str, text: str, complaint: str | None) -> None:
    sources = {"storage/feeds.py": "", path: text}
    assert upward(read_imports(sources)) == ([complaint] if complaint else [])


def test_the_checker_names_the_lines_of_a_circle() -> None:
    sources = {
        "stream/__init__.py": "",
        "stream/a.py": "import json\nfrom stream.b import thing\n",
        "stream/b.py": "from . import c\n",
        "stream/c/__init__.py": "from ..a import other\n",
        "stream/d.py": "from stream import a\n",
    }
    assert sorted(circle(read_imports(sources))) == [
        "stream/a.py:2: stream.a imports stream.b",
        "stream/b.py:1: stream.b imports stream.c",
        "stream/c/__init__.py:1: stream.c imports stream.a",
    ]
