"""The Dockerfile, and the wheel that it installs."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT, own_services

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if re.match(r"[A-Z]+ ", line)]
LAST_STAGE = INSTRUCTIONS[max(n for n, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
SOURCES = [source for word, rest in INSTRUCTIONS if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_every_package_of_the_wheel_is_copied() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(packages) <= set(SOURCES)


def test_the_image_runs_the_console_script_as_an_unprivileged_user() -> None:
    (user,) = [rest for word, rest in LAST_STAGE if word == "USER"]
    (entry,) = [rest for word, rest in LAST_STAGE if word == "ENTRYPOINT"]
    assert int(user) >= 1000
    assert entry == f'["{next(iter(PROJECT["scripts"]))}"]'


def test_the_python_of_the_image_is_one_that_the_project_supports() -> None:
    versions = set(re.findall(r"FROM python:(\d\.\d+)-slim", DOCKERFILE))
    assert len(versions) == 1
    assert f"Programming Language :: Python :: {versions.pop()}" in PROJECT["classifiers"]


def test_the_tag_of_the_image_is_the_version_of_the_project() -> None:
    assert {service["image"] for service in own_services().values()} == {f"dateline:{PROJECT['version']}"}


@pytest.mark.parametrize(
    "pattern",
    [
        "dateline/cli.py",
        "dateline/demo/feeds.toml",
        "dateline/demo/reports/1962-10-22-cuba-quarantine.txt",
        "processors/pipelines/*/config.cfg",
        "processors/pipelines/*/minilm/model.onnx",
        "storage/migrations/env.py",
        "storage/migrations/versions/*.py",
        "*.dist-info/entry_points.txt",
        "*.dist-info/licenses/LICENSE",
        "*.dist-info/licenses/NOTICE",
    ],
)
def test_the_wheel_carries_what_a_worker_needs(wheel: list[str], pattern: str) -> None:
    assert fnmatch.filter(wheel, pattern)


def test_the_wheel_carries_every_data_file_that_stands_beside_the_code(wheel: list[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "dateline", "ingest", "processors", "storage", "stream"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of the project's files")
    expected = {name for name in listed.stdout.splitlines() if Path(ROOT / name).exists()}
    assert expected - set(wheel) == set()


def test_the_wheel_carries_nothing_else(wheel: list[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"dateline", "ingest", "processors", "storage", "stream"}
