"""What the entries of a feed are known by.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "rung", sa.Text(), nullable=False, server_default="guid", comment="what its entries are known by: guid, link, link-date, …"
    )
    op.add_column("feeds", column)
