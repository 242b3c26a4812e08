"""The options of the graph's steps, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.errors import UserError
from pipeline.cli.settings import Settings

if TYPE_CHECKING:
    from pipeline.graph import Steps
    from pipeline.matching.judge import Matching


def matching(settings: Settings) -> Matching:
    """The options of matching. Raises ``UserError`` for a file that can't be read."""
    from pipeline.matching.boilerplate import read_boilerplate
    from pipeline.matching.judge import Matching

    if settings.boilerplate is None:
        return Matching()
    try:
        return Matching(boilerplate=read_boilerplate(settings.boilerplate))
    except (OSError, ValueError) as e:
        raise UserError(f"boilerplate {settings.boilerplate} can't be read: {e}") from e


def steps(settings: Settings) -> Steps:
    """The options of all steps."""
    from pipeline.graph import Steps

    return Steps(matching=matching(settings))
