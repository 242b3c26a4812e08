"""Kernels are compiled when they are first called on a machine, and kept (numba's cache): that takes about a minute."""

from __future__ import annotations

from pathlib import Path

import structlog

from pipeline.matching import pool

log = structlog.get_logger()
_told = False


def tell_if_needed() -> None:
    """Say what takes so long, if it does."""
    global _told
    if not _told and not is_kept():
        log.info("compiling for this machine, once: about a minute")
    _told = True


def is_kept() -> bool:
    """Whether this machine has compiled them before."""
    kernel = pool._earlier
    return any(Path(kernel.stats.cache_path or "").glob(f"pool.{kernel.py_func.__name__}-*.nbi"))
