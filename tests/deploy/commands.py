"""The real command line as a checker of commands that stand in files and documents."""

from __future__ import annotations

from typing import Any

import typer

from dateline.cli import app


def parse(arguments: list[str]) -> None:
    """Resolve *arguments* down to a command and parse its options without running it; raises a usage error as the command line would."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("dateline", list(arguments))
    rest = [*context._protected_args, *context.args]
    while hasattr(group, "resolve_command"):
        name, group, rest = group.resolve_command(context, rest)
        context = group.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]
