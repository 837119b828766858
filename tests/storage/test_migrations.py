"""The migrations against the tables in the code, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from storage.base import metadata
from storage.dialect import outside_of_metadata
from storage.engine import check_migration, connect_database, reading, transaction, upgrade
from storage.views import VIEWS
from stream.errors import MigrationMismatch


def test_migrated_database_is_what_the_code_declares(engine: Engine) -> None:
    with reading(engine) as conn:
        options = {"compare_type": True, "include_object": outside_of_metadata}
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []


def test_views_have_the_declared_columns(engine: Engine) -> None:
    with reading(engine) as conn:
        found = {name: [column["name"] for column in inspect(conn).get_columns(name)] for name in inspect(conn).get_view_names()}
    assert found == {view.name: list(view.columns.keys()) for view in VIEWS}


def test_upgrade_changes_nothing_in_a_database_that_is_up_to_date(engine: Engine) -> None:
    upgrade(engine)
    check_migration(engine)


def test_two_processes_may_upgrade_at_once(empty_database_url: str) -> None:
    gate = threading.Barrier(3)

    def one() -> None:
        engine = connect_database(empty_database_url)
        gate.wait()
        upgrade(engine)
        check_migration(engine)
        engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(one) for _ in range(3)]:
            done.result()


def test_database_without_tables_is_refused_with_the_remedy(empty_database_url: str) -> None:
    engine = connect_database(empty_database_url)
    with pytest.raises(MigrationMismatch, match="dateline db upgrade"):
        check_migration(engine)
    engine.dispose()


def test_database_of_a_newer_version_is_refused(engine: Engine) -> None:
    with transaction(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationMismatch, match="newer than this version"):
        check_migration(engine)


def test_upgrade_without_anything_to_do_keeps_the_rights_granted_on_views(postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    with transaction(engine) as conn:
        conn.execute(text("GRANT SELECT ON event_facts TO PUBLIC"))
    upgrade(engine)
    with reading(engine) as conn:
        granted = text(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE table_name = 'event_facts' AND grantee = 'PUBLIC'"
        )
        assert conn.execute(granted).scalars().all() == ["SELECT"]
    engine.dispose()
