"""What is learnt of the hours at which a feed publishes, and what it asks for between two fetches.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rhythm = sa.Column(
        "rhythm",
        sa.Text(),
        nullable=False,
        server_default="",
        comment="what was learnt of its hours: moment, days, seen, expected, 24 counts",
    )
    op.add_column("feeds", rhythm)
    op.add_column("feeds", sa.Column("ttl_seconds", sa.Float(), comment="that the feed asks for between two fetches"))
