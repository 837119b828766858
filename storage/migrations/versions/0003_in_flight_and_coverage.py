"""What the stages are working on; why children were lost; fetches that may have missed entries, and the view over them.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from storage.base import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "in_flight",
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False, comment="first record of the work that was begun"),
        sa.Column("end_offset", sa.BigInteger(), nullable=False, comment="behind its last one"),
        sa.Column(
            "starts",
            sa.Integer(),
            nullable=False,
            comment="how often it was begun; every start but the last ended in the death of a worker",
        ),
        sa.Column(
            "alone_until",
            sa.BigInteger(),
            nullable=False,
            comment="records before it go one at a time: workers died of them together",
        ),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group", "topic", "partition", name=op.f("pk_in_flight")),
        comment="What the stages are working on, struck out when it is done",
    )
    op.add_column(
        "fetches",
        sa.Column(
            "possible_gap",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="shared no entry with the fetches before: some may have come and gone unseen",
        ),
    )
    op.add_column(
        "dead_letters",
        sa.Column("cause", sa.Text(), nullable=True, comment="crash, timeout or memory, where an isolated child was lost (ChildLost)"),
    )
