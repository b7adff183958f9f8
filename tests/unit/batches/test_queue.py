"""Jobs in the caller's transaction."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from belfoot_img.batches import queue


def waiting(engine) -> int:
    with engine.begin() as connection:
        return connection.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")).scalar_one()


@pytest.mark.parametrize("begin", [lambda engine: engine.begin(), lambda engine: Session(engine)])
def test_where_one_of_the_jobs_waits_already_the_transaction_goes_on_without_them(database, engine, begin):
    """Two workers may find the same shard idle at the same moment."""
    queue.defer_once(engine, queue.list_job(1))
    with begin(engine) as connection:
        assert not queue.defer_unless_there(connection, [queue.list_job(2), queue.list_job(1)])
        assert queue.defer_unless_there(connection, [queue.list_job(3)])
        connection.commit()
    assert waiting(engine) == 2
