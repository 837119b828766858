"""Hubs that tell of news (WebSub), and what they are asked.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

from storage.base import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("hub", sa.Text(), comment="where its publisher says that news of it is told (WebSub)"),
        sa.Column("topic", sa.Text(), comment="what it is called at its hub"),
        sa.Column("hub_until", UtcDateTime(), comment="until when the hub has promised to tell of news; null: it has not"),
        sa.Column(
            "hub_trusted", sa.Boolean(), nullable=False, server_default=sa.false(), comment="whether the hub told of the newest entries"
        ),
        sa.Column("told_at", UtcDateTime(), comment="when the hub last told of news"),
    ):
        op.add_column("feeds", column)
    op.create_table(
        "subscriptions",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False, comment="whom to ask to tell of news"),
        sa.Column("topic", sa.Text(), nullable=False, comment="of what"),
        sa.Column("callback", sa.Text(), nullable=False, comment="under which address; nobody else knows it"),
        sa.Column("secret", sa.Text(), nullable=False, comment="with which the hub signs what it tells"),
        sa.Column("asked_at", UtcDateTime(), nullable=False, comment="when the hub was last asked"),
        sa.Column("ask_at", UtcDateTime(), nullable=False, comment="when it is asked again"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="since the hub last agreed"),
        sa.Column("problem", sa.Text(), comment="why it has not agreed, as far as that is known"),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("callback", name=op.f("uq_subscriptions_callback")),
        comment="What hubs are asked to tell (WebSub)",
    )
    op.create_index(op.f("ix_subscriptions_ask_at"), "subscriptions", ["ask_at"])
