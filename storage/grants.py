"""Rights of people who only read: a role of theirs, apart from the one that the workers use."""

from __future__ import annotations

from sqlalchemy import Engine, text

from storage.engine import transaction
from stream.errors import ConfigError

# Upgrades make views anew: what was granted on the old ones is gone, and the default privileges cover the new ones.
STATEMENTS = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
)


def grant_readonly(engine: Engine, role: str) -> None:
    """Let the Postgres role *role* read every table and view, those of later upgrades too, and change nothing. Idempotent.

    The engine's own role has to be the one that migrates. Raises ConfigError where the database is no Postgres or has no such role.
    """
    if engine.dialect.name != "postgresql":
        raise ConfigError("an SQLite file has no roles: give people a copy, or rights on the file")
    quote = engine.dialect.identifier_preparer.quote_identifier
    with transaction(engine) as conn:
        if conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first() is None:
            raise ConfigError(f"Postgres has no role {role!r}: CREATE ROLE {quote(role)} LOGIN PASSWORD '…'")
        database = conn.execute(text("SELECT current_database()")).scalar_one()
        for statement in STATEMENTS:
            conn.exec_driver_sql(statement.format(database=quote(database), role=quote(role)))
