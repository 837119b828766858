"""What was erased and must never be stored again.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from storage.base import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.Text(), nullable=False, comment="article or entity"),
        sa.Column("key_hash", sa.Text(), nullable=False, comment="SHA-256 of the article's id or the entity's key, hex"),
        sa.Column("erased_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('article', 'entity')", name=op.f("ck_tombstones_kind")),
        sa.PrimaryKeyConstraint("kind", "key_hash", name=op.f("pk_tombstones")),
        comment="What was erased and must never be stored again",
    )
