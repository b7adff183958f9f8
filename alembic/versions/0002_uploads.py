"""An image whose source was uploaded has no link.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.alter_column("images", "url", nullable=True)


def downgrade():
    op.execute("UPDATE images SET url = '' WHERE url IS NULL")
    op.alter_column("images", "url", nullable=False)
