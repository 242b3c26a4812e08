"""Beam's options as a user gives them: ``--name=value`` words."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Collection, Sequence

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser


def unknown(given: Sequence[str], others: Collection[str] = ()) -> list[str]:
    """The words that are no options of Beam's Python, nor one of ``others``, which a runner in Java knows."""
    parser = _BeamArgumentParser(allow_abbrev=False)
    for cls in PipelineOptions.__subclasses__():
        cls._add_argparse_args(parser)
    for name in others:
        with contextlib.suppress(argparse.ArgumentError):  # a newer Beam knows it
            parser.add_argument(f"--{name}")
    found: list[str] = parser.parse_known_args(list(given))[1]
    return found


def name_of(word: str) -> str:
    """The option that a word sets."""
    return word.partition("=")[0].removeprefix("--")
