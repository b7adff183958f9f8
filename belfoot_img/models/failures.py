"""What a failure of the database means, decided once for every connection of an engine.

A database that is away, slow, full or out of connections raises DatabaseUnavailable, from views, commands and jobs
alike: the caller may try again. Any other error of SQL is a fault of this package, and stays SQLAlchemy's DBAPIError.
"""

from __future__ import annotations

from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection

from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.settings import one_line

AT_FAULT = (OperationalError, InterfaceError)
"""Of SQLAlchemy's classes those that speak of the server and the way to it, not of a statement (PEP 249)."""


def reason(error: BaseException) -> str:
    """Returns what the database or its driver says is wrong, in one line; neither puts a password into it."""
    return one_line(getattr(error, "orig", None) or error)


class Pool(QueuePool):
    """Raises DatabaseUnavailable where no connection is free in time."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except PoolTimeout:
            raise DatabaseUnavailable(reason="every connection of this process was in use") from None


def translate(engine: Engine) -> None:
    @event.listens_for(engine, "handle_error")
    def translated(context: ExceptionContext) -> DatabaseUnavailable | None:
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, AT_FAULT):
            return DatabaseUnavailable(reason=reason(context.original_exception))
        return None
