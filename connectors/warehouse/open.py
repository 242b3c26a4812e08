"""Warehouse URLs: ``duckdb:///path`` so far."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.warehouse import Warehouse
from connectors.warehouse.duckdb import DuckDBWarehouse

SCHEMES = ("duckdb",)


def open_warehouse(url: str, read_only: bool = False) -> Warehouse:
    """Return the warehouse at ``url``. Nothing is touched before it is first used.

    ``duckdb:///name.duckdb`` is in the working directory, ``duckdb:////var/lib/name.duckdb`` is not. Raises
    ``ValueError`` (one line) for a URL that is none of ours; a read-only warehouse refuses to be written.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"unknown warehouse {url!r}: use duckdb:///path")
    return DuckDBWarehouse(url, read_only=read_only)


@dataclass(frozen=True)
class OpenWarehouse:
    """Opens the warehouse wherever it is unpickled and called (``pipeline.history.OpenHistory``).

    All warehouses of one URL in a process share one connection, so calling it often costs nothing.
    """

    url: str
    read_only: bool = False

    def __call__(self) -> Warehouse:
        return open_warehouse(self.url, self.read_only)
