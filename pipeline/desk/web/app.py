"""The application: routes, templates, and what stands before them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.desk.draw import words
from pipeline.desk.search import SearchTooLong
from pipeline.desk.web import api, downloads, feeds, pages, protection
from pipeline.desk.web.desk import Desk
from schemas.errors import DoorError

log = structlog.get_logger()
STATIC = Path(str(resources.files("pipeline.desk.web").joinpath("static")))


def make_app(desk: Desk, hosts: Iterable[str] = protection.LOOPBACK, token: str | None = None) -> Starlette:
    """The desk as an ASGI application. ``hosts``: the names that it goes by; ``token``: what its readers must have."""
    middleware = [
        Middleware(protection.Headed),
        Middleware(protection.KnownHosts, hosts=tuple(hosts)),
        Middleware(protection.SameOrigin),
        *([Middleware(protection.Token, token=token)] if token else []),
        Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),
    ]
    app = Starlette(
        routes=routes(),
        middleware=middleware,
        exception_handlers={HTTPException: _refused, SearchTooLong: _too_long, DoorError: _away, 500: _failed},
    )
    app.state.desk, app.state.token, app.state.templates = desk, token, _templates()
    return app


def routes() -> Sequence[BaseRoute]:
    return (
        *pages.ROUTES,
        *downloads.ROUTES,
        *feeds.ROUTES,
        Mount("/api/v1", routes=api.ROUTES),
        Route("/static/{version}/{file}", _static, name="static"),
    )


class _Files(StaticFiles):
    """The desk's own files: what a release changes has another address."""


_files = _Files(directory=STATIC)


async def _static(request: Request) -> Response:
    answer = await _files.get_response(request.path_params["file"], request.scope)
    if request.path_params["version"] == version():
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


@functools.cache
def version() -> str:
    """Changes with the files."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def _templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.desk.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "ago": words.ago,
        "stamp": words.stamp,
        "clock": words.clock,
        "plain": words.plain,
        "shortened": words.shortened,
        "web_link": _web_link,
        "is_language": _is_language,
    }
    env.globals |= {
        "quantity": words.quantity,
        "spread": words.spread,
        "counted": words.counted,
        "static": f"/static/{version()}",
    }
    return env


def _web_link(url: str | None) -> str:
    """The URL if it is one of the web; a script's or a file's is no link."""
    return url if url and url.lower().startswith(("http://", "https://")) else ""


def _is_language(tag: str | None) -> bool:
    """Whether a page may say that it is the language of a text (BCP 47, roughly)."""
    return bool(tag and re.fullmatch(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*", tag, re.ASCII))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy
    return _problem(request, error.status_code, error.detail, error.headers)


async def _too_long(request: Request, error: Exception) -> Response:
    return _problem(request, 503, "The search took too long: give more words, or a source or dates.")


async def _away(request: Request, error: Exception) -> Response:
    log.warning("the warehouse can't be read now", path=request.url.path, error=str(error))
    return _problem(request, 503, f"The warehouse can't be read now: {error}", {"Retry-After": "5"})


async def _failed(request: Request, error: Exception) -> Response:
    log.error("a page failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return _problem(request, 500, "This page failed, a mistake in wiredesk; the log says more.")


def _problem(request: Request, status: int, detail: str, headers: Any = None) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"status": status, "detail": detail}, status, headers=headers)
    answer = pages.page(request, "problem.html", status=status, detail=detail)
    answer.status_code = status
    answer.headers.update(headers or {})
    return answer
