"""Images, users, and what is remembered of logins.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
        sa.CheckConstraint("name ~ '^[A-Za-z0-9._@-]{1,64}$'", name=op.f("ck_users_name")),
        sa.CheckConstraint("password_hash LIKE '$argon2id$%'", name=op.f("ck_users_password_hash")),
        sa.CheckConstraint("role IN ('editor', 'reader')", name=op.f("ck_users_role")),
    )
    op.create_table(
        "images",
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("source_format", sa.Text, nullable=False),
        sa.Column("source_width", sa.Integer, nullable=False),
        sa.Column("source_height", sa.Integer, nullable=False),
        sa.Column("source_bytes", sa.Integer, nullable=False),
        sa.Column("source_sha256", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("scale", sa.Float, nullable=False),
        sa.Column("quality", sa.Integer),
        sa.Column("encodes", sa.Integer, nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Column("reused", sa.Boolean, nullable=False),
        sa.Column("settings_sha256", sa.Text, nullable=False),
        sa.Column("stored_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_images")),
        sa.CheckConstraint(
            "char_length(article_id) BETWEEN 1 AND 255 AND article_id !~ '/'", name=op.f("ck_images_article_id")
        ),
        sa.CheckConstraint("octet_length(decode(image, 'base64')) = bytes", name=op.f("ck_images_image_whole")),
        sa.CheckConstraint(
            "encode(sha256(decode(image, 'base64')), 'hex') = sha256", name=op.f("ck_images_image_intact")
        ),
        sa.CheckConstraint("width > 0 AND height > 0 AND bytes > 0", name=op.f("ck_images_positive")),
        sa.CheckConstraint(
            "source_width > 0 AND source_height > 0 AND source_bytes > 0", name=op.f("ck_images_source_positive")
        ),
        sa.CheckConstraint("source_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_images_source_sha256")),
        sa.CheckConstraint("action IN ('kept', 'repacked', 'reencoded')", name=op.f("ck_images_action")),
        sa.CheckConstraint(
            "(action = 'reencoded') = (quality IS NOT NULL)", name=op.f("ck_images_quality_of_reencoded")
        ),
        sa.CheckConstraint("quality BETWEEN 1 AND 100 AND scale > 0 AND scale <= 1", name=op.f("ck_images_fitted")),
        sa.CheckConstraint("encodes >= 0 AND milliseconds >= 0", name=op.f("ck_images_cost")),
    )
    op.execute("ALTER TABLE images ALTER COLUMN image SET STORAGE EXTERNAL")
    op.create_index(op.f("ix_images_source_sha256_settings_sha256"), "images", ["source_sha256", "settings_sha256"])
    op.create_index(op.f("ix_images_updated_at_article_id"), "images", ["updated_at", "article_id"])
    op.create_table(
        "login_failures",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_login_failures")),
    )
    op.create_index(op.f("ix_login_failures_last_failed_at"), "login_failures", ["last_failed_at"])
    op.create_table(
        "known_addresses",
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_name", "address", name=op.f("pk_known_addresses")),
        sa.ForeignKeyConstraint(
            ["user_name"], ["users.name"], name=op.f("fk_known_addresses_user_name_users"), ondelete="CASCADE"
        ),
    )


def downgrade():
    for table in ("known_addresses", "login_failures", "images", "users"):
        op.drop_table(table)
