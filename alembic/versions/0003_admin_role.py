"""Users may have the role admin.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    _allow("'admin', 'editor', 'reader'")


def downgrade():
    op.execute("UPDATE users SET role = 'editor' WHERE role = 'admin'")
    _allow("'editor', 'reader'")


def _allow(roles: str) -> None:
    op.drop_constraint(op.f("ck_users_role"), "users", type_="check")
    op.create_check_constraint(op.f("ck_users_role"), "users", f"role IN ({roles})")
