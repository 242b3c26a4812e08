"""What ``wiredesk serve`` tells of itself: requests by status, how long they took, and how far the desk follows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipeline.cli.metrics import Metrics
from pipeline.cli.watching import Health

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pipeline.desk.follower import Follower


class Counted:
    """An ASGI application that counts the requests of another one."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            self._metrics.add("wiredesk_desk_requests_total", status=str(status))
            self._metrics.observe("wiredesk_desk_request_seconds", time.perf_counter() - began)


def show_desk(metrics: Metrics, health: Health, follower: Follower) -> None:
    """Bring up to date what the follower knows."""
    status: Any = follower.status
    if status.followed_at is not None:
        metrics.set("wiredesk_desk_followed_timestamp_seconds", status.followed_at.timestamp())
    if follower.outbox is not None:
        metrics.forget("wiredesk_desk_webhooks")
        for state, count in follower.outbox.states().items():
            metrics.set("wiredesk_desk_webhooks", count, state=state)
    if status.problem or status.followed_at is None:
        health.hinder("warehouse", status.problem or "not looked at yet")
    else:
        health.mend("warehouse")
