"""``wiredesk worker-pool``: starts Python workers for the Flink TaskManager beside it."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.stopping import stop_on_signals


@click.command("worker-pool")
@click.option("--port", type=click.IntRange(0, 65535), default=50000, show_default=True, help="0: any that is free.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; the pool starts what it is told."
)
@click.option("--logs", type=click.Path(path_type=Path), default="var/workers", show_default=True, help="A folder.")
def worker_pool(port: int, host: str, logs: Path) -> None:
    """Start Python workers for the Flink TaskManager beside it, until stopped.

    One runs beside each TaskManager; jobs find it by --environment_config=127.0.0.1:PORT.

    \b
    Example:
      wiredesk worker-pool --port 50000 --logs /var/log/wiredesk
    """
    from pipeline.runners.pool import WorkerPool, serve

    pool = WorkerPool(logs)
    server, listening = serve(pool, host, port)
    click.echo(f"workers for {host}:{listening}, what they print is in {logs}")
    with stop_on_signals() as stop:
        stop.wait()
        server.stop(grace=None)
        pool.close()
