"""Batches, and the queue that works through them.

The queue's tables, functions and triggers are Procrastinate's own (their names begin with ``procrastinate_``); they are
made from the schema that the installed version ships.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade():
    # The raw cursor takes it as it is; through SQLAlchemy the % of its RAISE would count as parameters.
    with op.get_bind().connection.driver_connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("submitted_by", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False, server_default="normal"),
        sa.Column("effort", sa.Text),
        sa.Column("list_url", sa.Text),
        sa.Column("list_sha256", sa.Text),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_sha256", sa.Text),
        sa.Column("failure_code", sa.Text),
        sa.Column("failure_message", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("read_at", TIME),
        sa.Column("paused_at", TIME),
        sa.Column("cancelled_at", TIME),
        sa.Column("ended_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("submitted_by", "idempotency_key", name=op.f("uq_batches_submitted_by_idempotency_key")),
        sa.CheckConstraint("queue IN ('live', 'bulk')", name=op.f("ck_batches_queue")),
        sa.CheckConstraint("priority IN ('low', 'normal', 'high')", name=op.f("ck_batches_priority")),
        sa.CheckConstraint("effort IN ('low', 'normal', 'high')", name=op.f("ck_batches_effort")),
    )
    op.create_index(
        op.f("ix_batches_created_at"), "batches", ["created_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "shards",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        *(
            sa.Column(state, sa.Integer, nullable=False, server_default="0")
            for state in ("waiting", "stored", "superseded", "dead", "cancelled")
        ),
        sa.Column("not_before", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shards")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_shards_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "waiting >= 0 AND stored >= 0 AND superseded >= 0 AND dead >= 0 AND cancelled >= 0",
            name=op.f("ck_shards_tally"),
        ),
    )
    op.create_index(op.f("ix_shards_batch_id"), "shards", ["batch_id"])
    # The tally changes with every item; room in the page keeps its updates out of the indexes.
    op.execute("ALTER TABLE shards SET (fillfactor = 50)")
    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("shard_id", sa.BigInteger, nullable=False),
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("code", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("not_before", TIME),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_items")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_items_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'stored', 'superseded', 'dead', 'cancelled')", name=op.f("ck_batch_items_state")
        ),
        sa.CheckConstraint("state <> 'dead' OR code IS NOT NULL", name=op.f("ck_batch_items_dead_with_code")),
    )
    op.create_index(
        "ix_batch_items_waiting", "batch_items", ["shard_id", "number"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index(
        "ix_batch_items_dead", "batch_items", ["batch_id", "code", "number"], postgresql_where=sa.text("state = 'dead'")
    )


def downgrade():
    for table in ("batch_items", "shards", "batches"):
        op.drop_table(table)
    op.execute(
        """DO $$ DECLARE it regprocedure; BEGIN
             DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, procrastinate_workers;
             FOR it IN SELECT oid FROM pg_proc WHERE proname LIKE 'procrastinate%' LOOP
               EXECUTE 'DROP FUNCTION ' || it;
             END LOOP;
             DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_event_type, procrastinate_job_status;
           END $$"""
    )
