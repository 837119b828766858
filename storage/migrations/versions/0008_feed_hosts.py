"""The hosts that feeds are read from, and when each may be asked again.

Revision ID: 0008
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from storage.base import UtcDateTime
from storage.hosts import place_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    host = sa.Column("host", sa.Text(), nullable=False, server_default="", comment="host and port of url: a row of feed_hosts")
    op.add_column("feeds", host)
    op.create_table(
        "feed_hosts",
        sa.Column("host", sa.Text(), nullable=False, comment="name, and port where it is not the default one"),
        sa.Column("ready_at", UtcDateTime(), nullable=False, comment="when the next feed may be asked of it"),
        sa.Column(
            "failures", sa.Integer(), nullable=False, server_default="0", comment="how often in a row it was away or asked for a pause"
        ),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_feed_hosts")),
        comment="Hosts of feeds, and when each may be asked again",
    )
    _fill(op.get_bind())
    op.create_index(op.f("ix_feeds_host_lease_until"), "feeds", ["host", "lease_until"])


def _fill(connection: sa.Connection) -> None:
    """Give the feeds that are there their hosts."""
    feeds = sa.table("feeds", sa.column("feed_id"), sa.column("url"), sa.column("host"))
    hosts = sa.table("feed_hosts", sa.column("host"), sa.column("ready_at", UtcDateTime()))
    known = [{"id": feed_id, "place": place_of(url)} for feed_id, url in connection.execute(sa.select(feeds.c.feed_id, feeds.c.url))]
    if known:
        now = datetime.now(UTC)
        connection.execute(hosts.insert(), [{"host": host, "ready_at": now} for host in sorted({row["place"] for row in known})])
        connection.execute(sa.update(feeds).where(feeds.c.feed_id == sa.bindparam("id")).values(host=sa.bindparam("place")), known)
