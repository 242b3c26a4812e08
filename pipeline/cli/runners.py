"""``--runner``: what does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from pipeline.cli.errors import UserError

DIRECT, FLINK, DATAFLOW = "DirectRunner", "FlinkRunner", "DataflowRunner"
RUNNERS = (DIRECT, FLINK, DATAFLOW)
STOPS = {FLINK: "wiredesk jobs stop", DATAFLOW: "gcloud dataflow jobs drain"}
"""How a job of a runner is stopped."""


def runner_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--runner`` to a command. A runner that wiredesk was never made for is a user's mistake."""
    told = f"Beam runner: {', '.join(RUNNERS[:-1])} or {RUNNERS[-1]}."
    return click.option("--runner", default=DIRECT, metavar="NAME", callback=_known, help=told)(command)


def _known(context: click.Context, parameter: click.Parameter, runner: str) -> str:
    if runner not in RUNNERS:
        raise UserError(f"--runner {runner}: wiredesk runs on {', '.join(RUNNERS[:-1])} and {RUNNERS[-1]}")
    return runner


def checked_beam_options(options: Sequence[str]) -> tuple[str, ...]:
    """Beam's options for the DirectRunner as given, if Beam knows them all. Raises ``UserError``."""
    if not options:
        return ()
    from pipeline.runners.beam_options import unknown

    if wrong := unknown(options):
        raise UserError(f"no such option: {wrong[0]} (neither of this command nor of Beam)")
    return tuple(options)
