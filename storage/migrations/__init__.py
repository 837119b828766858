"""Migrations of the database, in Alembic's form; ``storage.engine.upgrade`` runs them."""
