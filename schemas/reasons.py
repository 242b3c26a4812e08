"""The table of reasons for rejects and failed sources (reasons.toml)."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Reason:
    name: str
    stage: str
    meaning: str
    advice: str = ""


@functools.cache
def reasons() -> dict[str, Reason]:
    """Reason name -> what is known of it."""
    table = tomllib.loads(resources.files("schemas").joinpath("reasons.toml").read_text("utf-8"))
    return {name: Reason(name, **fields) for name, fields in table.items()}
