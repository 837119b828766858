"""Articles per day in the view ``feed_health``: views are made anew after every migration.

Revision ID: 0007
"""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
