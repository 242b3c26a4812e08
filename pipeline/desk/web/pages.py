"""The pages. Each view reads its parameters, asks ``read`` and fills a template; no view changes the warehouse."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.poller.state import read_feeds
from pipeline.desk.draw import chart, difference, marks, snippet, tree
from pipeline.desk.read import article as articles
from pipeline.desk.read import lists, numbers, rejects, sources, stories
from pipeline.desk.read import story as one_story
from pipeline.desk.web import parameters, protection
from pipeline.desk.web.desk import Desk

SEEN = "wiredesk_seen"
"""The cookie with the reader's last look, seconds since 1970."""
FRONT, PAGE = 36, 40
"""Stories on the front page; lines on other pages."""


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def page(request: Request, template: str, **values: object) -> HTMLResponse:
    """The template with what all pages need."""
    env: jinja2.Environment = request.app.state.templates
    desk = desk_of(request)
    text = env.get_template(template).render(
        request=request, path=request.url.path, query=request.query_params, now=desk.clock(), status_of=desk.status,
        desk=desk, locked=bool(request.app.state.token), **{"status": 200} | values,
    )  # fmt: skip
    return HTMLResponse(text)


def front(request: Request) -> Response:
    desk = desk_of(request)
    now = desk.clock()
    found, disputed, latest = asked_for_the_front(desk)
    look = last_look(request)
    since = stories.since(desk.warehouse, look, [s.story_id for s in found]) if look else stories.Since()
    alarms = [line for line in sources_of(desk, now) if line.alarm]
    answer = page(
        request, "front.html", stories=found, conflicts=disputed, latest=latest, look=look, since=since, alarms=alarms
    )
    if look is None:
        _mark_seen(answer, now)
    return answer


def asked_for_the_front(
    desk: Desk,
) -> tuple[list[stories.StoryLine], list[stories.Conflict], list[lists.ArticleLine]]:
    """What the front page shows of the warehouse; the follower asks for it too, so that no reader waits for it."""
    return (
        desk.keep("front", lambda: stories.front(desk.warehouse, desk.clock(), FRONT)),
        desk.keep("disputed", lambda: stories.conflicts(desk.warehouse, 6)),
        desk.keep("latest", lambda: lists.latest_articles(desk.warehouse, 12)),
    )


def sources_of(desk: Desk, now: datetime) -> list[sources.SourceLine]:
    def ask() -> list[sources.SourceLine]:
        feeds = read_feeds(desk.state) if desk.state else []
        return sources.lines(feeds, sources.yields(desk.warehouse, now))

    return desk.keep("sources", ask)


def last_look(request: Request) -> datetime | None:
    value = request.cookies.get(SEEN, "")
    return (
        datetime.fromtimestamp(int(value), UTC) if value.isascii() and value.isdecimal() and len(value) < 11 else None
    )


def _mark_seen(answer: Response, now: datetime) -> None:
    answer.set_cookie(SEEN, str(int(now.timestamp())), max_age=180 * 86400, httponly=True, samesite="strict")


async def seen(request: Request) -> Response:
    answer = RedirectResponse("/", 303)
    _mark_seen(answer, desk_of(request).clock())
    return answer


def changes(request: Request) -> Response:
    """What happened to stories since the last look, or in the last day."""
    desk = desk_of(request)
    look = last_look(request)
    since = max(look or desk.clock() - timedelta(days=1), desk.clock() - timedelta(days=7))
    return page(request, "changes.html", events=stories.events(desk.warehouse, since, 200), since=since, look=look)


def all_stories(request: Request) -> Response:
    desk = desk_of(request)
    found = stories.newest_first(desk.warehouse, PAGE, parameters.after_key(request.query_params))
    last = found[-1] if len(found) == PAGE else None
    after = parameters.key_of(last.last_published_at, last.story_id) if last and last.last_published_at else None
    return page(request, "stories.html", stories=stories.complete(desk.warehouse, found), after=after)


def story(request: Request) -> Response:
    desk = desk_of(request)
    story_id = parameters.identifier(request.path_params["story_id"])
    found = desk.keep(("story", story_id), lambda: one_story.story_page(desk.warehouse, story_id))
    if found is None:
        raise HTTPException(404, "There is no story of this id.")
    if found.story.superseded_by:
        return RedirectResponse(f"/story/{found.story.superseded_by}", 307)
    trees = tree.forest(found.told)
    titles = {t.article_id: t for t in found.told if t.section_id is None}
    return page(
        request,
        "story.html",
        found=found,
        story=found.story,
        trees=trees,
        by_id=titles,
        timeline=chart.provenance(tree.timeline(trees), "When each article was published, and what it came from"),
        charts={f.figure_id: _chart_of(f) for f in found.figures if f.status != "single"},
    )


def _chart_of(figure: one_story.FigureLine) -> chart.Markup:
    dots = [
        chart.Dot(s.at, s.number, f"{s.surface}, {s.source}, {chart.clock(s.at)}", kind=figure.status)
        for s in figure.said
        if s.at and s.number is not None
    ]
    return chart.over_time(dots, f"{figure.measure} over time", line=figure.status == "superseded")


def compare(request: Request) -> Response:
    """An article beside its parent, or beside the article that ``with`` names."""
    desk = desk_of(request)
    found = articles.article_page(desk.warehouse, parameters.identifier(request.path_params["article_id"]))
    if found is None:
        raise HTTPException(404, "There is no article of this id.")
    other = found.parent
    if request.query_params.get("with"):
        named = desk.warehouse.articles([parameters.identifier(request.query_params["with"])])
        other = named[0] if named else None
    if other is None:
        raise HTTPException(404, "This article came from no other: there is nothing to compare it with.")
    return page(
        request, "compare.html", found=found, left=other, right=found.article,
        difference=difference.compare(other.text, found.article.text),
    )  # fmt: skip


def article(request: Request) -> Response:
    desk = desk_of(request)
    found = articles.article_page(desk.warehouse, parameters.identifier(request.path_params["article_id"]))
    if found is None:
        raise HTTPException(404, "There is no article of this id.")
    return page(
        request, "article.html", found=found, article=found.article,
        paragraphs=marks.paragraphs(found.article.text, found.metrics),
        revisions=[
            (old, new, difference.compare(old.text, new.text))
            for old, new in zip(found.versions, found.versions[1:], strict=False)
        ],
    )  # fmt: skip


def search(request: Request) -> Response:
    desk = desk_of(request)
    wanted = parameters.wanted(request.query_params)
    before = parameters.before_number(request.query_params)
    hits = desk.search.find(wanted, PAGE, before) if wanted.anything else []
    lines = lists.article_lines(desk.warehouse, [article_id for _, article_id in hits])
    texts = lists.texts(desk.warehouse, [a.article_id for a in lines]) if wanted.words else {}
    return page(
        request, "search.html", wanted=wanted, lines=lines,
        excerpts={key: snippet.excerpt(text, wanted.words) for key, text in texts.items()},
        before=hits[-1][0] if len(hits) == PAGE else None,
        sources=[line.source for line in sources_of(desk, desk.clock())],
    )  # fmt: skip


def conflicts(request: Request) -> Response:
    desk = desk_of(request)
    return page(
        request, "conflicts.html", conflicts=desk.keep("conflicts", lambda: stories.conflicts(desk.warehouse, 200))
    )


def browse_numbers(request: Request) -> Response:
    desk = desk_of(request)
    wanted = wanted_numbers(request)
    found = desk.keep(("numbers", wanted), lambda: numbers.numbers(desk.warehouse, wanted, 120))
    units = {n.unit for n in found}
    dots = [
        chart.Dot(n.at, n.number, f"{n.surface}, {n.source}, {chart.clock(n.at)}", kind=n.form)
        for n in found
        if n.at and n.number is not None
    ]
    drawn = chart.over_time(dots, "These numbers over time") if wanted.narrow and len(units) == 1 else chart.Markup("")
    return page(
        request, "numbers.html", wanted=wanted, numbers=found, chart=drawn, several=wanted.narrow and len(units) > 1,
        choices=desk.keep("choices", lambda: numbers.choices(desk.warehouse, 40)),
    )  # fmt: skip


def wanted_numbers(request: Request) -> numbers.WantedNumbers:
    names = ("measure", "unit", "speaker", "period")
    return numbers.WantedNumbers(*(parameters.text(request.query_params, name) for name in names))


def show_sources(request: Request) -> Response:
    desk = desk_of(request)
    found = sources_of(desk, desk.clock())
    return page(
        request, "sources.html", lines=found, has_state=desk.state is not None,
        asleep=sources.asleep((f for line in found for f in line.feeds), desk.clock()),
    )  # fmt: skip


def show_rejects(request: Request) -> Response:
    desk = desk_of(request)
    reason = parameters.text(request.query_params, "reason") or None
    found = rejects.rejects(desk.warehouse, reason, PAGE, parameters.after_key(request.query_params))
    after = parameters.key_of(found[-1].at, found[-1].reject_id) if len(found) == PAGE else None
    counts = desk.keep("rejects", lambda: rejects.counts(desk.warehouse))
    return page(request, "rejects.html", counts=counts, rejects=found, reason=reason, after=after)


def reject(request: Request) -> Response:
    found = rejects.reject_page(desk_of(request).warehouse, parameters.identifier(request.path_params["reject_id"]))
    if found is None:
        raise HTTPException(404, "There is no reject of this id.")
    return page(request, "reject.html", found=found, reject=found.reject)


def downloads(request: Request) -> Response:
    from pipeline.desk.web.downloads import OFFERED

    return page(request, "downloads.html", tables=OFFERED)


async def live(request: Request) -> Response:
    """How much has come so far: open pages ask every few seconds and compare it with what they were made with."""
    status = desk_of(request).status
    found = {"generation": status.generation, "articles": status.new_articles, "problem": bool(status.problem)}
    tag = '"' + hashlib.sha256(repr(found).encode()).hexdigest()[:16] + '"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(found, headers={"ETag": tag})


async def login(request: Request) -> Response:
    token: str | None = request.app.state.token
    if token is None:
        return RedirectResponse("/", 303)
    wrong = False
    if request.method == "POST":
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > 4096:
                raise HTTPException(413, "That is no token.")
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if protection.is_token(given.strip(), token):
            answer = RedirectResponse("/", 303)
            secure = request.url.scheme == "https"
            answer.set_cookie(
                protection.COOKIE, protection.cookie_of(token), max_age=30 * 86400, httponly=True, samesite="strict",
                secure=secure,
            )  # fmt: skip
            return answer
        wrong = True
        await asyncio.sleep(0.5)
    shown = page(request, "login.html", wrong=wrong)
    shown.status_code = 403 if wrong else 200
    return shown


ROUTES = [
    Route("/", front),
    Route("/changes", changes),
    Route("/seen", seen, methods=["POST"]),
    Route("/stories", all_stories),
    Route("/story/{story_id}", story),
    Route("/article/{article_id}", article),
    Route("/article/{article_id}/compare", compare),
    Route("/search", search),
    Route("/conflicts", conflicts),
    Route("/numbers", browse_numbers),
    Route("/sources", show_sources),
    Route("/rejects", show_rejects),
    Route("/reject/{reject_id}", reject),
    Route("/downloads", downloads),
    Route("/live", live),
    Route("/login", login, methods=["GET", "POST"]),
]
