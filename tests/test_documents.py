"""The documents against what they speak of: links, commands, settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from stream.settings import PREFIX, Settings
from tests.deploy.commands import parse

ROOT = Path(__file__).parents[1]
DOCUMENTS = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}


def links() -> list[tuple[str, str]]:
    found = [(name, target) for name, text in TEXTS.items() for target in re.findall(r"\]\(([^)#]+)", text)]
    return [(name, target) for name, target in found if "://" not in target]


def commands() -> list[str]:
    """Every line in an indented block that runs ``dateline``, without what explains it after two blanks or more."""
    lines = [line.strip() for text in TEXTS.values() for line in text.splitlines() if line.startswith("    ")]
    command = re.compile(r"(?:^|exec (?:ingest|process) |^DATELINE_.* )dateline ((?:[a-z]|--).*)")
    found = [command.search(re.split(r" {2,}", line)[0]) for line in lines]
    return sorted({match[1].partition(" | ")[0] for match in found if match})


@pytest.mark.parametrize(("document", "target"), links())
def test_a_link_leads_to_a_file(document: str, target: str) -> None:
    assert (ROOT / document).parent.joinpath(target).exists()


@pytest.mark.parametrize("command", commands())
def test_a_command_in_a_document_is_one_of_the_command_line(command: str) -> None:
    parse(shlex.split(command))


def test_the_commands_of_the_readme_are_found() -> None:
    assert {"run", "status", "query search hostages embassy"} <= set(commands())


@pytest.mark.parametrize("variable", sorted({name for text in TEXTS.values() for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", text)}))
def test_a_variable_in_a_document_is_a_setting(variable: str) -> None:
    name = variable.removeprefix(PREFIX).removesuffix("_FILE").lower()
    assert name in Settings.model_fields or name == "x"


def test_the_list_of_decisions_has_every_one() -> None:
    decisions = {path.name for path in ROOT.glob("docs/decisions/0*.md")}
    assert set(re.findall(r"\]\((0[^)]+)\)", TEXTS["docs/decisions/README.md"])) == decisions


def test_the_readme_names_exactly_two_commands_to_start_with() -> None:
    start = TEXTS["README.md"].partition("## Start")[2].partition("\n## ")[0]
    assert re.findall(r"^    (make \w+)", start, re.MULTILINE) == ["make demo", "make test"]
