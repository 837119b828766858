"""MinHash signatures of texts and their bands.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

from storage.dialect import BigId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    signature = sa.Column(
        "minhash", sa.Text(), comment="MinHash signature of text: 96 values of 16 bits, little-endian, base64; null for short texts"
    )
    op.add_column("articles", signature)
    op.create_table(
        "article_bands",
        sa.Column("article_key", BigId, nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False, comment="0 to 15"),
        sa.Column("key", sa.BigInteger(), nullable=False, comment="hash of the band's 6 values of the signature"),
        sa.ForeignKeyConstraint(["article_key"], ["articles.article_key"], name=op.f("fk_article_bands_article_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_key", "band", name=op.f("pk_article_bands")),
        comment="Bands of articles' MinHash signatures: texts of which three quarters are the same share one with probability 0.96",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_article_bands_key"), "article_bands", ["key"])
