"""Runs migrations on the connection it is given; ``belfoot-img migrate`` is the one way in."""

from alembic import context

from belfoot_img.models.meta import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
