"""Small pictures for lists, and indexes for searching the images.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SEARCH = {
    "ix_images_article_id_pattern": "article_id text_pattern_ops",
    "ix_images_link_pattern": "left(regexp_replace(url, '^https?://(www[.])?', ''), 500) text_pattern_ops",
    "ix_images_stored_by_updated_at": "stored_by, updated_at, article_id",
    "ix_images_action_updated_at": "action, updated_at, article_id",
}


def upgrade():
    op.create_table(
        "thumbnails",
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_thumbnails")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["images.article_id"], name=op.f("fk_thumbnails_article_id_images"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("octet_length(jpeg) BETWEEN 1 AND 15000", name=op.f("ck_thumbnails_small")),
    )
    for name, columns in SEARCH.items():
        op.execute(f"CREATE INDEX {name} ON images ({columns})")


def downgrade():
    for name in SEARCH:
        op.execute(f"DROP INDEX {name}")
    op.drop_table("thumbnails")
