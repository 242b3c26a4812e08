"""How a command tells the user of a mistake: one line that says what to do, exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


class UserError(click.ClickException):
    """A mistake of the user's: the message says what is wrong and what to do."""

    exit_code = 2


class Failed(click.ClickException):
    """The command was right but its work could not be done, or what it checked is not so."""

    exit_code = 1


@contextmanager
def user_mistakes(*errors: type[Exception]) -> Iterator[None]:
    """Turn these exceptions, whose messages are meant for users, into ``UserError``."""
    try:
        yield
    except errors as e:
        raise UserError(str(e)) from e
