"""Runs the migrations on the connection, and in the transaction, that ``storage.engine.upgrade`` opened.

Views hold no data: they are dropped before the migrations and made anew from ``storage.views`` after them. A changed view
therefore needs a migration of its own, empty if need be, so that databases come here.
"""

from alembic import context

from storage.base import metadata
from storage.views import create_views, drop_views

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    drop_views(connection)
    context.run_migrations()
    create_views(connection)
