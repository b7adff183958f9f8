"""The candidates of each image, so that a page can show why it won.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade():
    op.add_column("images", sa.Column("candidates", postgresql.JSONB, nullable=True))


def downgrade():
    op.drop_column("images", "candidates")
