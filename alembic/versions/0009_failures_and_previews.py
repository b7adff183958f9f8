"""Single POSTs that failed, and small pictures of sources.

Revision ID: 0009
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"


def upgrade():
    op.create_table(
        "failed_posts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("failed_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_posts")),
    )
    op.create_index(op.f("ix_failed_posts_request_id"), "failed_posts", ["request_id"])
    op.create_index("ix_failed_posts_code_id", "failed_posts", ["code", "id"])
    op.create_index("ix_failed_posts_article_id_id", "failed_posts", ["article_id", "id"])
    op.create_table(
        "previews",
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("source_sha256", sa.Text, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_previews")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["images.article_id"], name=op.f("fk_previews_article_id_images"), ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("ix_previews_source_sha256"), "previews", ["source_sha256"])
    op.execute("ALTER TABLE previews ALTER COLUMN jpeg SET STORAGE EXTERNAL")  # a JPEG does not compress


def downgrade():
    op.drop_table("previews")
    op.drop_table("failed_posts")
