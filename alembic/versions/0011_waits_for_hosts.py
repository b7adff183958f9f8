"""Shards keep how long their downloads waited for the rate of their host.

A column with a constant default: the table is not rewritten.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '5s'")  # whoever waits for such a lock holds up every worker behind it
    op.add_column("shards", sa.Column("paced_seconds", sa.Double, nullable=False, server_default="0"))


def downgrade():
    op.drop_column("shards", "paced_seconds")
