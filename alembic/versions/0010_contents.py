"""The base64 gets a table of its own, in hash partitions; the index of results becomes small.

An empty database is at its end at once. In one that holds images nothing is moved here: their base64 stays in
``images.image``, where it is read from until ``belfoot-img migrate --move`` (models/moving.py) has taken it over and
dropped the column. So this takes no longer than it takes to get the lock.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0009"

PARTITIONS = 8
RESULT = "hashtextextended(source_sha256 || settings_sha256, 0)"


def upgrade():
    # Whoever waits for such a lock holds up every reader behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("LOCK TABLE images IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "contents",
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_contents")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["images.article_id"], name=op.f("fk_contents_article_id_images"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("encode(sha256(decode(image, 'base64')), 'hex') = sha256", name=op.f("ck_contents_intact")),
        sa.CheckConstraint("octet_length(image) = (bytes + 2) / 3 * 4", name=op.f("ck_contents_whole")),
        postgresql_partition_by="HASH (article_id)",
    )
    op.execute("ALTER TABLE contents ALTER COLUMN image SET STORAGE EXTERNAL")  # which the partitions inherit
    count = context.config.attributes.get("partitions") or PARTITIONS
    for number in range(count):
        op.execute(
            f"CREATE TABLE contents_{number} PARTITION OF contents"
            f" FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
        )
    op.drop_constraint(op.f("ck_images_image_whole"), "images")
    op.drop_constraint(op.f("ck_images_image_intact"), "images")
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM images)")).scalar():
        op.alter_column("images", "image", nullable=True)
    else:
        op.drop_column("images", "image")
        op.drop_index(op.f("ix_images_source_sha256_settings_sha256"), "images")
        op.execute(f"CREATE INDEX ix_images_result ON images ({RESULT})")


def downgrade():
    # What models/moving.py leaves where it was interrupted
    op.execute("ALTER TABLE images DROP CONSTRAINT IF EXISTS ck_images_moved")
    op.execute("DROP FUNCTION IF EXISTS images_moved() CASCADE")
    op.execute("ALTER TABLE images ADD COLUMN IF NOT EXISTS image text")
    op.execute("ALTER TABLE images ALTER COLUMN image SET STORAGE EXTERNAL")
    op.execute(
        "UPDATE images SET image = contents.image FROM contents"
        " WHERE contents.article_id = images.article_id AND contents.sha256 = images.sha256"
    )
    op.alter_column("images", "image", nullable=False)
    op.create_check_constraint(op.f("ck_images_image_whole"), "images", "octet_length(decode(image, 'base64')) = bytes")
    op.create_check_constraint(
        op.f("ck_images_image_intact"), "images", "encode(sha256(decode(image, 'base64')), 'hex') = sha256"
    )
    op.execute("DROP INDEX IF EXISTS ix_images_result")
    op.execute(
        "CREATE INDEX IF NOT EXISTS ix_images_source_sha256_settings_sha256 ON images (source_sha256, settings_sha256)"
    )
    op.drop_table("contents")
