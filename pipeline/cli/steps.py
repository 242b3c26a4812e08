"""The options of the graph's steps, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pipeline.cli.errors import UserError
from pipeline.cli.settings import Settings

if TYPE_CHECKING:
    from pipeline.graph import Steps
    from pipeline.matching.judge import Matching
    from pipeline.selection import Selection

T = TypeVar("T")


def matching(settings: Settings) -> Matching:
    """The options of matching. Raises ``UserError`` for a file that can't be read."""
    from pipeline.matching.boilerplate import Boilerplate, read_boilerplate
    from pipeline.matching.judge import Matching
    from pipeline.matching.rarities import Rarities, read_rarities

    return Matching(
        boilerplate=_learned("boilerplate", settings.boilerplate, read_boilerplate) or Boilerplate(),
        rarities=_learned("rarities", settings.rarities, read_rarities) or Rarities(),
    )


def _learned(setting: str, file: str | None, read: Callable[[str], T]) -> T | None:
    """What a file holds that a setting may name."""
    if file is None:
        return None
    try:
        return read(file)
    except (OSError, ValueError) as e:
        raise UserError(f"{setting} {file} can't be read: {e}") from e


def steps(settings: Settings, selection: Selection | None = None) -> Steps:
    """The options of all steps."""
    from pipeline.draft import Extraction
    from pipeline.graph import Steps
    from pipeline.selection import Selection

    extraction = Extraction(honour_rights=settings.honour_rights)
    return Steps(extraction=extraction, matching=matching(settings), selection=selection or Selection())
