"""Shards know their slot, so that only a few of a slot's shards have a job at a time.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade():
    op.add_column("shards", sa.Column("lock", sa.Text))
    op.execute(
        "UPDATE shards SET lock = host || '#' || shards.id % 2 FROM batches"
        " WHERE batches.id = batch_id AND batches.queue = 'bulk'"
    )
    op.drop_index(op.f("ix_shards_batch_id"), "shards")
    op.create_index(op.f("ix_shards_batch_id_lock"), "shards", ["batch_id", "lock"])
    # To find the next job Procrastinate asks of each job that waits whether another of its lock goes first.
    op.execute(
        "CREATE INDEX ix_procrastinate_jobs_lock ON procrastinate_jobs (lock, priority DESC, id)"
        " WHERE status IN ('todo', 'doing')"
    )


def downgrade():
    op.execute("DROP INDEX ix_procrastinate_jobs_lock")
    op.drop_index(op.f("ix_shards_batch_id_lock"), "shards")
    op.create_index(op.f("ix_shards_batch_id"), "shards", ["batch_id"])
    op.drop_column("shards", "lock")
