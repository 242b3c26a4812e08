"""The reads of the pipeline's history that every warehouse answers alike: rows by the values of a column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from schemas.ids import content_id
from schemas.records import Article, ArticleSection, Link, Member, Metric, Pair, Progress, Receipt, Record, Sketch

R = TypeVar("R", bound=Record)


class ReadsByColumn(ABC):
    """See ``connectors.warehouse.Warehouse`` for what each method gives."""

    @abstractmethod
    def _having(self, record: type[R], **wanted: Sequence[str]) -> list[R]:
        """Rows in which one of the columns has one of its values; none when no value is wanted."""

    def articles(self, article_ids: Sequence[str]) -> list[Article]:
        return self._having(Article, article_id=article_ids)

    def receipts(self, fetch_ids: Sequence[str] = (), article_ids: Sequence[str] = ()) -> list[Receipt]:
        return self._having(Receipt, fetch_id=fetch_ids, article_id=article_ids)

    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]:
        return self._having(Sketch, article_id=article_ids)

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        return self._having(Pair, article_id=names, earlier_id=names)

    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]:
        return self._having(Link, article_id=article_ids, parent_id=parent_ids, copy_group=copy_groups)

    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]:
        return self._having(ArticleSection, article_id=article_ids, parent_id=parent_ids)

    def members(self, story_ids: Sequence[str]) -> list[Member]:
        return self._having(Member, story_id=story_ids)

    def metrics(self, article_ids: Sequence[str]) -> list[Metric]:
        return self._having(Metric, article_id=article_ids)

    @abstractmethod
    def rows(self, record: type[R], where: str = "", parameters: Sequence[Any] = (), order: str = "") -> list[R]: ...

    @abstractmethod
    def count(self, table: str, where: str = "", parameters: Sequence[Any] = ()) -> int: ...

    def generation(self) -> str:
        return content_id("generation", *(p.token for p in self.rows(Progress, order="channel, partition")))

    def sketches_between(self, earliest: datetime, latest: datetime, most: int) -> list[Sketch] | None:
        where, times = '"at" IS NULL OR "at" BETWEEN ? AND ?', (earliest, latest)
        if self.count("sketches", where, times) > most:
            return None
        return self.rows(Sketch, where, times)

    def progress(self, channel: str) -> list[Progress]:
        return sorted(self._having(Progress, channel=[channel]), key=lambda row: row.partition)
