"""What the pipeline may ask of the past: the articles already in the warehouse that a new batch has to do with.

A batch together with its history gives the same rows as one run over everything. A warehouse connector is a
``History``; ``Nothing`` is that of an empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from schemas.records import (
    Article,
    ArticleSection,
    Link,
    Member,
    Metric,
    Pair,
    Progress,
    Receipt,
    Record,
    Sketch,
)


class History(Protocol):
    """See connectors.warehouse.Warehouse for what each gives."""

    def articles(self, article_ids: Sequence[str]) -> list[Article]: ...
    def receipts(self, fetch_ids: Sequence[str] = (), article_ids: Sequence[str] = ()) -> list[Receipt]: ...
    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]: ...
    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]: ...
    def pairs(self, names: Sequence[str]) -> list[Pair]: ...
    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]: ...
    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]: ...
    def members(self, story_ids: Sequence[str]) -> list[Member]: ...
    def metrics(self, article_ids: Sequence[str]) -> list[Metric]: ...


class Warehouse(History, Protocol):
    """A history that batches are added to: the part of connectors.warehouse.Warehouse that the graph uses."""

    url: str

    def hold(self) -> AbstractContextManager[Any]: ...
    def progress(self, channel: str) -> list[Progress]: ...
    def generation(self) -> str: ...
    def sketches_between(self, earliest: datetime, latest: datetime, most: int) -> list[Sketch] | None: ...
    def apply(self, records: Iterable[Record]) -> None: ...


OpenWarehouse = Callable[[], Warehouse]
"""Picklable; called once in each worker."""


class Nothing:
    """The history of an empty warehouse."""

    def articles(self, article_ids: Sequence[str]) -> list[Article]:
        return []

    def receipts(self, fetch_ids: Sequence[str] = (), article_ids: Sequence[str] = ()) -> list[Receipt]:
        return []

    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]:
        return []

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        return []

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        return []

    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]:
        return []

    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]:
        return []

    def members(self, story_ids: Sequence[str]) -> list[Member]:
        return []

    def metrics(self, article_ids: Sequence[str]) -> list[Metric]:
        return []
