"""``wiredesk serve``: the desk, a web page over a warehouse."""

from __future__ import annotations

import asyncio
import pathlib
import socket
import threading

import click
import structlog

from connectors.warehouse import shown
from pipeline.cli.desk_watch import Counted, show_desk
from pipeline.cli.doors import now, warehouse_reader
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.metrics import Metrics
from pipeline.cli.settings import DeskSettings, Settings
from pipeline.cli.stopping import stop_on_signals
from pipeline.cli.watching import Health, Watch, served

log = structlog.get_logger()


@click.command()
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.option("--host", metavar="ADDRESS", help="Where to listen (default: 127.0.0.1, this machine only).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port (default: 8080; 0: any free one).")
@click.option("--state", metavar="FILE", help="The poller's state, for the page of sources.")
@click.option("--folder", metavar="PATH", help="Where the desk keeps its copy and its index (default: var/desk).")
@click.option("--metrics", metavar="HOST:PORT", help="Serve metrics for Prometheus, /healthz and /readyz there.")
@click.option("--open", "is_open", is_flag=True, help="Listen on other than this machine's addresses without a token.")
@click.pass_obj
def serve(
    settings: Settings,
    warehouse_url: str | None,
    host: str | None,
    port: int | None,
    state: str | None,
    folder: str | None,
    metrics: str | None,
    is_open: bool,
) -> None:
    """Show a warehouse as web pages, until stopped; it is only read. Also a JSON API, feeds and downloads.

    A token (WIREDESK_DESK__TOKEN, or desk.token in wiredesk.toml) is asked of every reader; it is needed where others
    than this machine can reach the desk.

    \b
    Example:
      wiredesk serve --warehouse duckdb:///var/wiredesk.duckdb
    """
    desk = settings.desk
    address, wanted = host or desk.host, desk.port if port is None else port
    if not (desk.token or is_open or _is_local(address)):
        raise UserError(
            f"whoever reaches {address} could read everything: set desk.token (WIREDESK_DESK__TOKEN), or say --open"
        )
    url = warehouse_url or settings.warehouse
    warehouse_reader(url)  # says what is wrong with the warehouse before anything is made
    poller = pathlib.Path(state or settings.state)
    watch = Watch(Metrics("serve"), Health())
    with (
        _listening(address, wanted) as listener,
        stop_on_signals() as stop,
        served(watch, metrics or settings.metrics),
    ):
        shown_from = poller if poller.exists() else None
        _serve(desk, url, shown_from, pathlib.Path(folder or desk.folder), listener, stop, watch)


def _is_local(address: str) -> bool:
    return address in ("localhost", "::1") or address.startswith("127.")


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=256)
    except OSError as e:
        raise Failed(f"can't listen on {address} port {port}: {e.strerror or e} (another --port?)") from e


def _serve(
    desk: DeskSettings,
    url: str,
    state: pathlib.Path | None,
    folder: pathlib.Path,
    listener: socket.socket,
    stop: threading.Event,
    watch: Watch,
) -> None:
    from connectors.poller.state import read_feeds
    from connectors.webhooks import WebhookClient
    from pipeline.desk.follower import Follower
    from pipeline.desk.read.sources import lines
    from pipeline.desk.web.app import make_app
    from pipeline.desk.web.desk import Desk
    from pipeline.desk.web.pages import asked_for_the_front, sources_of
    from pipeline.desk.web.protection import LOOPBACK
    from pipeline.desk.webhooks import Hook, Outbox, Sender

    hooks = [Hook(h.url, h.secret.get_secret_value(), h.events, h.independent) for h in desk.webhooks]

    def alarms() -> list[tuple[str, str]]:
        return [(line.source, line.alarm) for line in lines(read_feeds(state), ()) if line.alarm] if state else []

    def outbox(where: pathlib.Path) -> Outbox:
        return Outbox(where, hooks, desk.public_url, alarms)

    follower = Follower(url, folder, now, desk.memory_limit, outbox if hooks else None)
    sender = Sender(follower.outbox, lambda: WebhookClient(desk.webhooks_allowed), now) if follower.outbox else None
    shown_desk = Desk(follower, now, shown(url), state, desk.public_url)
    watch.before = lambda: show_desk(watch.metrics, watch.health, follower)
    follower.after_round = lambda: (asked_for_the_front(shown_desk), sources_of(shown_desk, now()))
    asked_for_the_front(shown_desk)
    follower.start(desk.refresh_seconds)
    try:
        app = make_app(
            shown_desk,
            hosts=(*LOOPBACK, listener.getsockname()[0], *desk.hosts),
            token=desk.token.get_secret_value() if desk.token else None,
        )
        host, port = listener.getsockname()[:2]
        click.echo(f"the desk of {shown(url)} is at http://{f'[{host}]' if ':' in host else host}:{port}/")
        asyncio.run(_run(Counted(app, watch.metrics), listener, stop, watch.health))
    finally:
        if sender:
            sender.close()
        follower.close()


async def _run(app: object, listener: socket.socket, stop: threading.Event, health: Health) -> None:
    """Serve until ``stop``."""
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=256,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def watch() -> None:
        health.started()
        while not stop.is_set():
            health.beat()
            await asyncio.sleep(0.1)
        server.should_exit = True

    watching = asyncio.create_task(watch())
    try:
        await server._serve([listener])  # serve() would take the signals, which are ours
    finally:
        watching.cancel()
