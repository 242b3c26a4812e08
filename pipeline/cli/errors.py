"""How a command tells the user what went wrong: one line that says what to do, and an exit code.

2 is a mistake of the user's, 1 is work that could not be done. ``in_words`` is the one place that knows what the doors
raise; commands catch none of it.
"""

from __future__ import annotations

import sqlite3

import click


class UserError(click.ClickException):
    """A mistake of the user's: the message says what is wrong and what to do."""

    exit_code = 2


class Failed(click.ClickException):
    """The command was right but its work could not be done, or what it checked is not so."""

    exit_code = 1


def in_words(error: Exception) -> click.ClickException | None:
    """What an exception of a door means to the user; None for one that only a mistake in wiredesk explains."""
    import duckdb
    import psycopg

    from schemas.errors import DoorError, Unusable

    if isinstance(error, Unusable):
        return UserError(str(error))
    if isinstance(error, DoorError):
        return Failed(str(error))
    if isinstance(error, OSError):
        return Failed(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    if isinstance(error, sqlite3.Error | duckdb.Error | psycopg.Error):
        return Failed(f"the database failed: {error}")
    return None
