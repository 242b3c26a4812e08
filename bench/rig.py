"""Engines of a bench's own, the whole graph as a job on them, and whether its tables are those of one machine."""

from __future__ import annotations

import html
import itertools
import json
import lzma
import pathlib
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import tenacity

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "support")]

from engines import flink, kafka, postgresql  # noqa: E402
from kills import article_text  # noqa: E402
from whole import differences, whole_tables  # noqa: E402

from connectors.flink import Flink, Job  # noqa: E402
from connectors.queue import Outgoing, Queue, QueueUnavailable, open_queue  # noqa: E402
from connectors.warehouse import OpenWarehouse, Warehouse  # noqa: E402
from pipeline.channel import Item  # noqa: E402
from pipeline.cli import main as wiredesk  # noqa: E402
from pipeline.cli.audit import check  # noqa: E402
from pipeline.cli.batches import Batches  # noqa: E402
from pipeline.cli.doors import now  # noqa: E402
from pipeline.graph import Steps  # noqa: E402
from schemas import wire  # noqa: E402
from schemas.fetched import fetched  # noqa: E402
from schemas.records import DateClue, Entry, Fetched, Receipt  # noqa: E402

FOLDER = ROOT / "var" / "bench-cluster"
FLINK_PARTS = ("taskmanager", "pool", "jobmanager")
LATER = datetime(2026, 9, 1, tzinfo=UTC)
"""When the pages of the background set were fetched: after they were published."""
PATIENCE = 1800.0
"""Seconds until all rows must be there."""


def items(count: int, pages: bool, seed: int) -> Iterator[Fetched]:
    """So many articles of forty outlets; every tenth is another outlet's copy of the one before."""
    rng = random.Random(seed)
    begin = datetime.now(UTC).replace(microsecond=0)
    body = ""
    for n in range(count):
        body = body if n % 10 == 9 else article_text(rng)
        title, at = f"{body[3:40].strip()} {n}", begin + timedelta(seconds=n)
        url = f"https://outlet{n % 40}.example/news/{n}"
        if pages:
            page = f"<html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1>{body}</article>"
            noise = "".join(f"<li><a href='/{i}'>Other news of {i}</a></li>" for i in range(120))
            raw = f"{page}<nav><ul>{noise}</ul></nav></body></html>".encode()
            yield fetched(source=f"outlet{n % 40}", url=url, fetched_at=at, content_type="text/html", body=raw)
            continue
        text = body.replace("<p>", "").replace("</p>", "\n")
        entry = Entry(
            title=title,
            content=text,
            content_type="text/plain",
            language="en",
            dates=(DateClue(raw=at.isoformat(), origin="feed"),),
        )
        yield fetched(source=f"outlet{n % 40}", url=url, fetched_at=at, entry=entry)


def news_pages(folder: pathlib.Path, count: int) -> Iterator[Fetched]:
    """The first articles of the background set of DIR, as pages such as a site would serve."""
    with lzma.open(folder / "background.jsonl.xz", "rt", encoding="utf-8") as lines:
        for n, line in enumerate(itertools.islice(lines, count)):
            row = json.loads(line)
            title, at = html.escape(row["title"]), html.escape(row["published_at"] or "")
            text = "".join(f"<p>{html.escape(part)}</p>" for part in row["text"].split("\n") if part.strip())
            page = (
                f'<html lang=en><head><title>{title}</title><meta property="article:published_time" content="{at}">'
                f"</head><body><article><h1>{title}</h1>{text}</article></body></html>"
            )
            yield fetched(
                source=row.get("source") or "background",
                url=row.get("url") or f"https://background.example/news/{n}",
                fetched_at=LATER + timedelta(seconds=n),
                content_type="text/html; charset=utf-8",
                body=page.encode(),
            )


@dataclass
class Rig:
    """The engines, a job on them, its queue and its warehouse."""

    cluster: flink.Cluster
    queue: Queue
    warehouse: Warehouse
    submit: Sequence[str]
    """The arguments of the command that starts the job."""
    sent: dict[str, float] = field(default_factory=dict)
    """Fetch id -> when it was appended."""

    @property
    def job(self) -> Job:
        return next(job for job in Flink(self.cluster.url).jobs() if not job.ended)

    def start(self) -> None:
        """Start the job, unless one is there."""
        if not any(not job.ended for job in Flink(self.cluster.url).jobs()) and wiredesk(list(self.submit)):
            sys.exit("the job did not start")

    def send(self, some: list[Fetched]) -> None:
        """Append them, again while the brokers are away, as a poller does."""
        messages = [Outgoing(item.source, wire.encode(item)) for item in some]
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(QueueUnavailable), wait=tenacity.wait_fixed(1)
        ):
            with attempt:
                self.queue.append(messages)
        self.sent.update(dict.fromkeys((item.fetch_id for item in some), time.monotonic()))

    def send_steadily(self, wanted: list[Fetched], per_second: float) -> None:
        """Append them at this rate, four times a second."""
        begin, done = time.monotonic(), 0
        while done < len(wanted):
            due = min(len(wanted), int((time.monotonic() - begin) * per_second))
            if due > done:
                self.send(wanted[done:due])
                done = due
            time.sleep(0.25)

    def lag(self) -> int:
        done = {p.partition: p.position for p in self.warehouse.progress(self.queue.channel)}
        return sum(end - done.get(p, 0) for p, end in self.queue.end().items())

    def wait_for_all(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.lag():
            if time.monotonic() > deadline:
                sys.exit(f"{self.lag()} items are not there after {PATIENCE:.0f} s")
            time.sleep(0.2)


def set_up(before: Callable[[Rig], None] | None = None, parallelism: int = 2) -> Rig:
    """Start everything. ``before``: what is done before the job starts."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    broker = kafka.start(FOLDER / "kafka")
    warehouse_url = postgresql.start(FOLDER / "postgresql")
    cluster = flink.start(FOLDER / "flink")
    settings = FOLDER / "cluster.toml"
    settings.write_text(
        f'[flink]\nmaster = "{cluster.url}"\nworkers = "{cluster.pool}"\njob_server = "{cluster.job_server}"\n'
        "checkpoint_seconds = 5\n"
    )
    queue_url = f"kafka://{broker}/bench?partitions=4"
    run = ["stream", "--runner", "FlinkRunner", "--queue", queue_url, "--warehouse", warehouse_url]
    start = ["--config", str(settings), *run, f"--parallelism={parallelism}"]
    rig = Rig(cluster, open_queue(queue_url), OpenWarehouse(warehouse_url)(), start)
    if before is not None:
        before(rig)
    rig.start()
    return rig


def tear_down() -> None:
    flink.stop(FOLDER / "flink")
    kafka.stop(FOLDER / "kafka")
    postgresql.stop(FOLDER / "postgresql")


def compared(rig: Rig, wanted: Sequence[Fetched], batch: int = 5000) -> int:
    """0 if the tables are those that a backfill makes in DuckDB, and the audit balances."""
    opener = OpenWarehouse("duckdb:///:memory:one-machine")
    with opener().hold() as one, rig.warehouse.hold():
        one.migrate()
        batches = Batches(opener, "bench", Steps(), now)
        numbered = [Item(item, n + 1) for n, item in enumerate(wanted)]
        for n in range(0, len(numbered), batch):
            batches.run(numbered[n : n + batch])
        tables = whole_tables(one), whole_tables(rig.warehouse)
        different = differences(*tables)
        receipts = rig.warehouse.count("receipts")
    balances = check(rig.warehouse).balances
    lost = len(wanted) - len({r.fetch_id for r in rig.warehouse.rows(Receipt)})
    rows = sum(len(found) for found in tables[0].values())
    print(
        f"{len(wanted)} items: {lost} lost, {receipts - len(wanted) + lost} doubled; of {rows} rows on one machine "
        f"{len(different)} differ, audit {'balances' if balances else 'FAILS'}",
        flush=True,
    )
    for line in different[:5]:
        print("  " + line[:300])
    return int(bool(different) or lost != 0 or not balances)
