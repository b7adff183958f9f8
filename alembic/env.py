"""Runs migrations on the connection it is given; ``belfoot-img migrate`` is the one way in."""

from alembic import context

from belfoot_img.models.meta import Base
from belfoot_img.models.schema import include_name

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, include_name=include_name
)
context.run_migrations()
