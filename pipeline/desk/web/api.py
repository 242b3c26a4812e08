"""The JSON API, and the document that describes it: both are made from one table of operations.

Answers are the values that the pages show, encoded as they are; so the schemas in the document can't differ from them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import pipeline
from connectors.poller.feed_state import FeedState
from pipeline.desk.read import article as articles
from pipeline.desk.read import lists, numbers, rejects, sources, stories
from pipeline.desk.read import story as one_story
from pipeline.desk.web import pages, parameters
from schemas.records import Article, ArticleVersion, Link, Metric, Receipt

MOST = 200


class ArticleAnswer(msgspec.Struct, frozen=True):
    """An article with everything that is known of it."""

    article: Article
    link: Link | None
    metrics: tuple[Metric, ...]
    versions: tuple[ArticleVersion, ...]
    receipts: tuple[Receipt, ...]


class StoriesAnswer(msgspec.Struct, frozen=True):
    stories: list[stories.StoryLine]
    after: str | None = None
    """Give it as ``after`` for the next ones; null at the end."""


class SearchAnswer(msgspec.Struct, frozen=True):
    articles: list[lists.ArticleLine]
    before: str | None = None
    """Give it as ``before`` for older ones; null at the end."""


class RejectsAnswer(msgspec.Struct, frozen=True):
    rejects: list[rejects.RejectLine]
    after: str | None = None


class FeedHealth(msgspec.Struct, frozen=True):
    url: str
    status: str
    reason: str | None
    failures: int
    polled_at: datetime | None
    next_poll_at: datetime | None
    new_at: datetime | None
    new_a_day: float | None


class SourceHealth(msgspec.Struct, frozen=True):
    source: str
    status: str
    alarm: str | None
    week: sources.Yield | None
    feeds: tuple[FeedHealth, ...]


class Problem(msgspec.Struct, frozen=True):
    status: int
    detail: str


def _front(request: Request) -> list[stories.StoryLine]:
    desk = pages.desk_of(request)
    limit = parameters.whole(request.query_params, "limit", 40, MOST)
    return stories.front(desk.warehouse, desk.clock(), limit)


def _stories(request: Request) -> StoriesAnswer:
    desk = pages.desk_of(request)
    limit = parameters.whole(request.query_params, "limit", 40, MOST)
    found = stories.newest_first(desk.warehouse, limit, parameters.after_key(request.query_params))
    last = found[-1] if len(found) == limit else None
    after = parameters.key_of(last.last_published_at, last.story_id) if last and last.last_published_at else None
    return StoriesAnswer(stories.complete(desk.warehouse, found), after)


def _story(request: Request) -> one_story.StoryPage:
    story_id = parameters.identifier(request.path_params["story_id"])
    found = one_story.story_page(pages.desk_of(request).warehouse, story_id)
    if found is None:
        raise HTTPException(404, "There is no story of this id.")
    return found


def _article(request: Request) -> ArticleAnswer:
    article_id = parameters.identifier(request.path_params["article_id"])
    found = articles.article_page(pages.desk_of(request).warehouse, article_id)
    if found is None:
        raise HTTPException(404, "There is no article of this id.")
    return ArticleAnswer(found.article, found.link, found.metrics, found.versions, found.receipts)


def _search(request: Request) -> SearchAnswer:
    desk = pages.desk_of(request)
    wanted = parameters.wanted(request.query_params)
    if not wanted.anything:
        raise parameters.bad("q", "give words, a source, a language or dates")
    limit = parameters.whole(request.query_params, "limit", 40, MOST)
    hits = desk.search.find(wanted, limit, parameters.before_number(request.query_params))
    lines = lists.article_lines(desk.warehouse, [article_id for _, article_id in hits])
    return SearchAnswer(lines, str(hits[-1][0]) if len(hits) == limit else None)


def _numbers(request: Request) -> list[numbers.Number]:
    limit = parameters.whole(request.query_params, "limit", 100, 1000)
    return numbers.numbers(pages.desk_of(request).warehouse, pages.wanted_numbers(request), limit)


def _conflicts(request: Request) -> list[stories.Conflict]:
    limit = parameters.whole(request.query_params, "limit", 40, MOST)
    return stories.conflicts(pages.desk_of(request).warehouse, limit)


def _changes(request: Request) -> list[stories.Event]:
    desk = pages.desk_of(request)
    limit = parameters.whole(request.query_params, "limit", 100, 1000)
    since = parameters.day(request.query_params, "since") or desk.clock() - timedelta(days=1)
    return stories.events(desk.warehouse, since, limit)


def _sources(request: Request) -> list[SourceHealth]:
    desk = pages.desk_of(request)
    return [
        SourceHealth(s.source, s.status, s.alarm, s.week, tuple(_health(f) for f in s.feeds))
        for s in pages.sources_of(desk, desk.clock())
    ]


def _health(feed: FeedState) -> FeedHealth:
    a_day = feed.rate * 86400 if feed.rate is not None else None
    return FeedHealth(
        feed.url, feed.status, feed.reason, feed.failures, feed.polled_at, feed.next_poll_at, feed.new_at, a_day
    )


def _rejects(request: Request) -> RejectsAnswer:
    limit = parameters.whole(request.query_params, "limit", 40, MOST)
    reason = parameters.text(request.query_params, "reason") or None
    after = parameters.after_key(request.query_params)
    found = rejects.rejects(pages.desk_of(request).warehouse, reason, limit, after)
    last = found[-1] if len(found) == limit else None
    return RejectsAnswer(found, parameters.key_of(last.at, last.reject_id) if last else None)


@dataclass(frozen=True)
class Operation:
    """One path of the API. ``parameters``: name in the query -> what it is."""

    path: str
    summary: str
    answer: Any
    view: Callable[[Request], Any]
    parameters: Mapping[str, str]


_LIMIT = {"limit": "at most so many"}
_WORDS = {
    "q": 'words that must all be there; "a phrase", begin*, -not',
    "source": "a source's name",
    "language": "BCP 47, the primary subtag counts",
    "from": "first day, YYYY-MM-DD",
    "to": "last day, YYYY-MM-DD",
    "before": "where the page before ended",
}
_AFTER = {"after": "where the page before ended"}
OPERATIONS = (
    Operation("/front", "The stories that matter now, best first", list[stories.StoryLine], _front, _LIMIT),
    Operation("/stories", "All stories, those with the latest article first", StoriesAnswer, _stories, _LIMIT | _AFTER),
    Operation("/stories/{story_id}", "A story: its articles, figures, events", one_story.StoryPage, _story, {}),
    Operation("/articles/{article_id}", "An article with its numbers, wordings, receipts", ArticleAnswer, _article, {}),
    Operation(
        "/search", "Articles by words, source, language, date; newest first", SearchAnswer, _search, _WORDS | _LIMIT
    ),
    Operation(
        "/numbers",
        "Numbers across stories, newest first",
        list[numbers.Number],
        _numbers,
        {
            "measure": "what is measured, whole",
            "unit": "the unit, whole",
            "speaker": "a part of who said it",
            "period": "the period's beginning: 2026, 2026-03",
        }
        | _LIMIT,
    ),
    Operation("/conflicts", "Figures on which articles disagree", list[stories.Conflict], _conflicts, _LIMIT),
    Operation(
        "/changes",
        "What happened to stories",
        list[stories.Event],
        _changes,
        {"since": "first day, YYYY-MM-DD"} | _LIMIT,
    ),
    Operation("/sources", "The health of each source", list[SourceHealth], _sources, {}),
    Operation(
        "/rejects", "What could not be used", RejectsAnswer, _rejects, {"reason": "one reason"} | _AFTER | _LIMIT
    ),
)


def document() -> dict[str, Any]:
    """The OpenAPI document (3.1)."""
    types = [o.answer for o in OPERATIONS] + [Problem]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    problem = {"description": "what was wrong", "content": {"application/json": {"schema": schemas[-1]}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wiredesk",
            "version": pipeline.__version__,
            "description": "Read-only. Times are UTC, ids are lower-case hex.",
        },
        "servers": [{"url": "/api/v1"}],
        "paths": {
            o.path: {
                "get": {
                    "operationId": o.path.strip("/").replace("/", "_").replace("{", "by_").replace("}", ""),
                    "summary": o.summary,
                    "parameters": _described(o),
                    "responses": {
                        "200": {"description": "found", "content": {"application/json": {"schema": schema}}},
                        "400": problem,
                        "404": problem,
                        "503": problem,
                    },
                }
            }
            for o, schema in zip(OPERATIONS, schemas, strict=False)
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _described(operation: Operation) -> list[dict[str, Any]]:
    in_path = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path
    ]
    for name, what in operation.parameters.items():
        kind = "integer" if name == "limit" else "string"
        found.append({"name": name, "in": "query", "description": what, "schema": {"type": kind}})
    return found


@functools.cache
def _encoded_document() -> bytes:
    return msgspec.json.encode(document())


def _describe(request: Request) -> Response:
    return Response(_encoded_document(), media_type="application/json")


def _view(operation: Operation) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return Response(encode(operation.view(request)), media_type="application/json")

    return answer


def encode(value: Any) -> bytes:
    """JSON, with numbers that JSON can't hold as null (msgspec does so)."""
    return msgspec.json.encode(value)


ROUTES: list[BaseRoute] = [
    Route("/openapi.json", _describe),
    *(Route(o.path, _view(o)) for o in OPERATIONS),
]
