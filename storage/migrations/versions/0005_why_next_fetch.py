"""Why a feed is fetched next when it is, and when it asks not to be.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    why = sa.Column(
        "next_fetch_why", sa.Text(), nullable=False, server_default="", comment="what set the time of the next fetch, for people"
    )
    skip = sa.Column(
        "skip", sa.Text(), nullable=False, server_default="", comment="hours of GMT and days at which it asks not to be fetched"
    )
    op.add_column("feeds", why)
    op.add_column("feeds", skip)
