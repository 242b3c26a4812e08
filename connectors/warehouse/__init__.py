"""The warehouse behind one contract. Every implementation passes test_contract.py and test_concurrency.py of
tests/connectors/warehouse.

``apply`` writes a batch's outcome as one transaction of idempotent upserts, together with how far the channel has come;
the read methods give the pipeline what it needs of the past (they are the pipeline's ``History``), and the operator's
commands what they show. The tables are those of ``schemas.tables``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from schemas.errors import Unavailable, Unusable
from schemas.records import Article, ArticleSection, Link, Member, Metric, Pair, Progress, Receipt, Record, Sketch

R = TypeVar("R", bound=Record)


class WarehouseError(Unusable, ValueError):
    """The warehouse can't be used as asked (no such file, not ours, a newer schema); one line that says what to do."""


class WarehouseBusy(Unavailable):
    """Another process holds the warehouse longer than the time allowed; the message says what to do."""


class WarehouseFailed(Unavailable):
    """The warehouse could not read or write for a reason that lies below it: no room on the disk, no memory."""


class Warehouse(Protocol):
    """``open_warehouse(url)`` makes one. Threads may share it; only one process writes at a time."""

    url: str

    # -- life --
    def migrate(self) -> list[str]:
        """Make or bring up to date all tables; refuses a schema newer than this wiredesk. Idempotent. Returns what was
        done, a line each; nothing where nothing was to do."""

    def version(self) -> int | None:
        """The version of the tables here (``ddl.MIGRATIONS``), newer ones too; None where there are none."""

    def problems(self) -> list[str]:
        """In what the tables here differ from those that this wiredesk makes (tables, columns, types, keys, indexes),
        a line each. More columns are no difference."""

    def maintain(self, now: datetime) -> dict[str, int]:
        """Do the upkeep that this kind of warehouse needs beside its batches; safe at any time, readers or not. Returns
        what was done and how often."""

    def hold(self) -> AbstractContextManager[Warehouse]:
        """Inside it the warehouse stays open (one batch) and is what ``as`` gives; outside, others may open it.

        Raises ``WarehouseBusy`` and ``WarehouseFailed``, as all methods do. Blocks may be nested, also by several
        threads."""

    def close(self) -> None: ...

    # -- writing --
    def apply(self, records: Iterable[Record]) -> None:
        """Write the records, each to its table (``schemas.tables.TABLE_OF``), in one transaction; all or nothing.

        A record replaces the row, or its part of the row, with the same key; the last one of a key in the batch wins.
        What not every warehouse can hold in a text (NUL, lone surrogates) becomes U+FFFD, in all of them.
        ``Replaced(table, group)`` removes rows of that group that do not come along. Where a ``Link`` gives an article
        another story, its rows in ``metrics`` follow. Repeating a batch changes nothing.
        """

    # -- reading: the pipeline's history --
    def articles(self, article_ids: Sequence[str]) -> list[Article]: ...

    def receipts(self, fetch_ids: Sequence[str] = (), article_ids: Sequence[str] = ()) -> list[Receipt]:
        """Those with one of the fetch ids, or of one of the articles."""

    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]: ...

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        """All sketches that share a key and the language with one of these and are at most ``horizon`` away from it
        in time; a sketch without a time is near to all. Those given are not among them, unless stored ones relate."""

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        """Pairs in which one of these articles or sections is the later or the earlier one."""

    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]:
        """Links of these articles, links to these parents, links in these copy groups."""

    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]: ...

    def members(self, story_ids: Sequence[str]) -> list[Member]: ...

    def metrics(self, article_ids: Sequence[str]) -> list[Metric]: ...

    def progress(self, channel: str) -> list[Progress]: ...

    def generation(self) -> str:
        """Another text after each batch that anybody wrote (``Progress.token``), the same as long as nobody did."""

    def sketches_between(self, earliest: datetime, latest: datetime, most: int) -> list[Sketch] | None:
        """The sketches with a time from ``earliest`` to ``latest``, and those without one; None if these are more than
        ``most``."""

    # -- reading: commands --
    def scan(self, record: type[R], rows: int) -> Iterator[list[R]]:
        """All rows of the record's table (its part of them) in the order of the key, ``rows`` at a time: not more than
        that many are in memory. Rows written meanwhile may come along or not."""

    def rows(
        self,
        record: type[R],
        where: str = "",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> list[R]:
        """Rows of the record's table. ``where`` is SQL over its columns with ? for parameters ("at" and "partition"
        are reserved words there: quote them), ``order`` is ``column [DESC] [NULLS FIRST], ...``; nulls come last
        unless it says otherwise. Text is ordered by code points."""

    def count(self, table: str, where: str = "", parameters: Sequence[Any] = ()) -> int: ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read-only SQL in the common dialect (the checks of ``audit``, the demo's summary)."""

    def snapshot(self, path: str, now: datetime) -> None:
        """Publish a copy that any reader may keep open, replacing an older one at once. Raises ``WarehouseError`` where
        readers need none."""


class _Checked(Warehouse, Protocol):
    def check(self) -> None:
        """Raise ``WarehouseError`` if there is nothing here that this wiredesk can read."""


def open_warehouse(url: str, read_only: bool = False) -> Warehouse:
    """Return the warehouse at ``url``: ``duckdb:///path`` (relative; one more slash for an absolute path),
    ``duckdb:///:memory:name`` for one that this process keeps in memory while it uses it,
    ``postgresql://user:password@host:port/database?schema=name``, ``iceberg:///folder`` or ``iceberg://NAME?uri=...``
    (see ``iceberg.location``), ``bigquery://project/dataset`` (see ``bigquery.location``).

    One to write is not touched before it is used. One that is ``read_only`` must be there and have tables. Raises
    ``WarehouseError`` and ``WarehouseBusy``.
    """
    opener = _OPENERS.get(url.partition("://")[0]) if "://" in url else None
    if opener is None:
        raise WarehouseError(
            f"unknown warehouse {shown(url)!r}: use duckdb:///path, postgresql://host/database, iceberg:///folder or "
            "bigquery://project/dataset"
        )
    warehouse = opener(url, read_only)
    if read_only:
        warehouse.check()
    return warehouse


def _duckdb(url: str, read_only: bool) -> _Checked:
    from connectors.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(url, read_only)


def _postgresql(url: str, read_only: bool) -> _Checked:
    from connectors.warehouse.postgresql import PostgreSQLWarehouse

    return PostgreSQLWarehouse(url, read_only)


def _iceberg(url: str, read_only: bool) -> _Checked:
    from connectors.warehouse.iceberg import IcebergWarehouse

    return IcebergWarehouse(url, read_only)


def _bigquery(url: str, read_only: bool) -> _Checked:
    from connectors.warehouse.bigquery import BigQueryWarehouse

    return BigQueryWarehouse(url, read_only)


_OPENERS: dict[str, Callable[[str, bool], _Checked]] = {
    "duckdb": _duckdb,
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "iceberg": _iceberg,
    "bigquery": _bigquery,
}
"""Scheme -> what makes its warehouse; the libraries are loaded there, and only its own."""


def shown(url: str) -> str:
    """The URL without the passwords in it, to be logged and told."""
    return _PASSWORD.sub(r"\1***", _USER_PASSWORD.sub(r"\1:***@", url))


_USER_PASSWORD = re.compile(r"(://[^:/?#]*):.*@")
_PASSWORD = re.compile(r"([?&][^=&]*password=)[^&#]*")


@dataclass(frozen=True)
class OpenWarehouse:
    """Opens the warehouse wherever it is unpickled and called (``pipeline.history.OpenHistory``).

    All warehouses of one URL in a process share their connections, so calling it often costs nothing.
    """

    url: str
    read_only: bool = False

    def __call__(self) -> Warehouse:
        return open_warehouse(self.url, self.read_only)

    def __repr__(self) -> str:
        return f"OpenWarehouse({shown(self.url)!r}, read_only={self.read_only})"
