"""Requests that no lease on a feed stands for take turns at their hosts, over all workers.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

from storage.base import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    whose = "of the request that no lease on a feed stands for: a page, robots.txt, a redirect from elsewhere"
    op.add_column("feed_hosts", sa.Column("visit_token", sa.Text(), comment=whose))
    op.add_column("feed_hosts", sa.Column("visit_until", UtcDateTime(), comment="when that one is over at the latest"))
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("feed_hosts", "ready_at", comment="when the next request to it may start")
        op.create_table_comment("feed_hosts", "Hosts that are asked for feeds and pages, and when each may be asked again")
