"""The role of people who only read, on a real Postgres."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.engine import make_url

from storage.engine import connect_database, reading, transaction
from storage.grants import grant_readonly
from storage.schema import articles
from storage.views import create_views, drop_views, event_facts
from stream.errors import ConfigError, StageStopped


@pytest.fixture
def owner(postgres_url: str) -> Iterator[Engine]:
    engine = connect_database(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def analyst(owner: Engine) -> Iterator[Engine]:
    """An engine of a role that can log in and nothing else; its name has what needs quoting."""
    role = f'who "reads" 100% {uuid.uuid4().hex[:8]}'
    with transaction(owner) as conn:
        conn.execute(text("CREATE ROLE {} LOGIN".format('"' + role.replace('"', '""') + '"')))
    engine = connect_database(make_url(str(owner.url)).set(drivername="postgresql", username=role).render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_a_role_reads_nothing_before_and_everything_after(owner: Engine, analyst: Engine) -> None:
    with pytest.raises(StageStopped, match="permission denied"), reading(analyst) as conn:
        conn.execute(select(articles))
    for _ in range(2):  # idempotent
        grant_readonly(owner, str(analyst.url.username))
    with reading(analyst) as conn:
        assert conn.execute(select(articles)).all() == conn.execute(select(event_facts)).all() == []


def test_a_role_changes_nothing(owner: Engine, analyst: Engine) -> None:
    grant_readonly(owner, str(analyst.url.username))
    with pytest.raises(StageStopped, match="permission denied"), transaction(analyst) as conn:
        conn.execute(articles.delete())


def test_a_role_reads_what_an_upgrade_makes_anew(owner: Engine, analyst: Engine) -> None:
    grant_readonly(owner, str(analyst.url.username))
    with transaction(owner) as conn:
        drop_views(conn)
        create_views(conn)
    with reading(analyst) as conn:
        assert conn.execute(select(event_facts)).all() == []


def test_a_role_that_does_not_exist_is_named_with_the_remedy(owner: Engine) -> None:
    with pytest.raises(ConfigError, match='CREATE ROLE "nobody"'):
        grant_readonly(owner, "nobody")


def test_sqlite_has_no_roles(migrated_sqlite: object) -> None:
    engine = connect_database(f"sqlite:///{migrated_sqlite}")
    with pytest.raises(ConfigError, match="no roles"):
        grant_readonly(engine, "analyst")
    engine.dispose()
