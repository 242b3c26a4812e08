"""The stream on real engines under load: how long an item takes, how fast a backlog drains, and what faults cost.

    python bench/cluster.py rate  [--html] [--per-second 20] [--minutes 10]
    python bench/cluster.py drain [--items 20000]
    python bench/cluster.py kills [--times 10] [--parts taskmanager pool kafka postgresql] [--per-second 10]
    python bench/cluster.py outage [--minutes 5] [--per-second 10]

starts Kafka, Flink and PostgreSQL of its own in var/bench-cluster (packages are fetched once; Java 17 and Maven are
needed), runs the whole graph as a job, prints figures, stops the engines. ``rate``: seconds from the append until the
row can be read, and what checkpoints and memory are on the way. ``kills``: SIGKILL to one part after the other under
load, started again at once; ``outage``: PostgreSQL is stopped so long. Both then compare all tables with those of one
batch in DuckDB, and exit with 1 if a row differs or the audit does not balance. Articles are invented by a seed, and
none resembles another much; run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "support")]

import psutil  # noqa: E402
from engines import flink, kafka, postgresql  # noqa: E402
from kills import article_text  # noqa: E402
from whole import differences, whole_tables  # noqa: E402

from connectors.flink import Flink  # noqa: E402
from connectors.queue import Outgoing, Queue, open_queue  # noqa: E402
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
PATIENCE = 1800.0
"""Seconds until all rows must be there."""


def items(count: int, html: bool, seed: int) -> Iterator[Fetched]:
    """So many articles of forty outlets; every tenth is another outlet's copy of the one before."""
    rng = random.Random(seed)
    begin = datetime.now(UTC).replace(microsecond=0)
    body = ""
    for n in range(count):
        body = body if n % 10 == 9 else article_text(rng)
        title, at = f"{body[3:40].strip()} {n}", begin + timedelta(seconds=n)
        url = f"https://outlet{n % 40}.example/news/{n}"
        if html:
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


@dataclass
class Rig:
    """The engines, a job on them, its queue and its warehouse."""

    cluster: flink.Cluster
    queue: Queue
    queue_url: str
    warehouse: Warehouse
    sent: dict[str, float] = field(default_factory=dict)
    """Fetch id -> when it was appended."""

    @property
    def job(self):
        return next(job for job in Flink(self.cluster.url).jobs() if not job.ended)

    def send(self, some: list[Fetched]) -> None:
        self.queue.append([Outgoing(item.source, wire.encode(item)) for item in some])
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


def set_up(before: Callable[[Queue, str], None] | None = None, parallelism: int = 2) -> Rig:
    """Start everything. ``before``: done with the queue before the job starts."""
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
    queue = open_queue(queue_url)
    if before is not None:
        before(queue, queue_url)
    run = ["stream", "--runner", "FlinkRunner", "--queue", queue_url, "--warehouse", warehouse_url]
    if wiredesk(["--config", str(settings), *run, f"--parallelism={parallelism}"]):
        sys.exit("the job did not start")
    return Rig(cluster, queue, queue_url, OpenWarehouse(warehouse_url)())


def tear_down() -> None:
    flink.stop(FOLDER / "flink")
    kafka.stop(FOLDER / "kafka")
    postgresql.stop(FOLDER / "postgresql")


def rate(args: argparse.Namespace) -> int:
    rig = set_up()
    count = int(args.per_second * args.minutes * 60)
    wanted = list(items(count, args.html, args.seed))
    rig.send_steadily(wanted[:50], 25)  # workers load what the first items need
    rig.wait_for_all()
    rig.sent.clear()
    seen: dict[str, float] = {}
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(rig, seen, stop))
    watcher.start()
    reporter = threading.Thread(target=_report, args=(rig, stop))
    reporter.start()
    rig.send_steadily(wanted[50:], args.per_second)
    rig.wait_for_all()
    time.sleep(1)
    stop.set()
    watcher.join()
    reporter.join()
    took = sorted(seen[i] - at for i, at in rig.sent.items() if i in seen)
    p50, p95, p99 = (took[min(len(took) - 1, int(len(took) * q))] for q in (0.5, 0.95, 0.99))
    print(
        f"{'HTML' if args.html else 'text'} {args.per_second:g}/s for {args.minutes:g} min: {len(took)} of "
        f"{len(rig.sent)} rows; produce -> row p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, most {took[-1]:.1f} s"
    )
    return int(len(took) != len(rig.sent))


def _watch(rig: Rig, seen: dict[str, float], stop: threading.Event) -> None:
    """Note when each receipt can first be read."""
    since = datetime.now(UTC) - timedelta(seconds=5)
    while not stop.is_set():
        rows = rig.warehouse.query('SELECT fetch_id, "at" FROM receipts WHERE "at" >= ?', [since])
        at = time.monotonic()
        for fetch_id, _ in rows:
            seen.setdefault(fetch_id, at)
        since = max([since, *(found - timedelta(seconds=30) for _, found in rows)])
        time.sleep(0.1)


def _report(rig: Rig, stop: threading.Event) -> None:
    """Every minute: lag, the last checkpoint, and what the processes of Flink and its workers hold."""
    api, begin = Flink(rig.cluster.url), time.monotonic()
    while not stop.wait(60):
        held = {"java": 0, "python": 0}
        for process in psutil.process_iter(["name", "cmdline", "memory_info"]):
            line = " ".join(process.info["cmdline"] or ())
            if str(FOLDER / "flink") in line or "pipeline.runners.worker" in line:
                kind = "java" if (process.info["name"] or "").startswith("java") else "python"
                held[kind] += process.info["memory_info"].rss
        sizes = api.checkpoint_sizes(rig.job.job_id)[:1]
        print(
            f"  {(time.monotonic() - begin) / 60:4.1f} min: lag {rig.lag()}, checkpoint {sizes} bytes, memory "
            + ", ".join(f"{kind} {size / 2**20:.0f} MiB" for kind, size in held.items()),
            flush=True,
        )


def drain(args: argparse.Namespace) -> int:
    wanted = list(items(args.items, args.html, args.seed))

    def fill(queue: Queue, url: str) -> None:
        for n in range(0, len(wanted), 500):
            queue.append([Outgoing(item.source, wire.encode(item)) for item in wanted[n : n + 500]])

    rig = set_up(fill)
    first = rig.lag()
    begin = time.monotonic()
    rig.wait_for_all()
    spent = time.monotonic() - begin
    print(f"drain of {len(wanted)} {'HTML' if args.html else 'text'} items, everything on: the last {first} of them at")
    print(f"  {first / spent:.0f} a second; {psutil.cpu_count()} cores, the engines on the same")
    return 0


def kills(args: argparse.Namespace) -> int:
    rig = set_up()
    seconds = args.times * len(args.parts) * args.every
    wanted = list(items(int(seconds * args.per_second), False, args.seed))
    sender = threading.Thread(target=rig.send_steadily, args=(wanted, args.per_second))
    sender.start()
    back: dict[str, list[float]] = {part: [] for part in args.parts}
    for _ in range(args.times):
        for part in args.parts:
            time.sleep(args.every / 2)
            _kill(rig, part)
            begin, before = time.monotonic(), _items_done(rig)
            while _items_done(rig) <= before and time.monotonic() - begin < 300:
                time.sleep(0.2)
            back[part].append(time.monotonic() - begin)
    sender.join()
    rig.wait_for_all()
    for part, took in back.items():
        print(f"kill -9 of {part}: {len(took)} times, rows again after {sorted(took)[len(took) // 2]:.0f} s in the")
        print(f"  middle, {max(took):.0f} s at the most")
    return _compared(rig, wanted)


def _kill(rig: Rig, part: str) -> None:
    """End it with SIGKILL and start it again, as a supervisor would."""
    if part in FLINK_PARTS:
        flink.stop(FOLDER / "flink", [part], kill=True)
        flink.start(FOLDER / "flink", [part])
    elif part == "kafka":
        kafka.stop(FOLDER / "kafka", kill=True)
        kafka.start(FOLDER / "kafka")
    else:
        postgresql.stop(FOLDER / "postgresql", kill=True)
        postgresql.start(FOLDER / "postgresql")


def _items_done(rig: Rig) -> int:
    return sum(p.records for p in rig.warehouse.progress(rig.queue.channel))


def outage(args: argparse.Namespace) -> int:
    rig = set_up()
    wanted = list(items(int((args.minutes * 60 + 60) * args.per_second), False, args.seed))
    sender = threading.Thread(target=rig.send_steadily, args=(wanted, args.per_second))
    sender.start()
    time.sleep(30)
    postgresql.stop(FOLDER / "postgresql")
    time.sleep(args.minutes * 60)
    restarts = rig.job.restarts
    postgresql.start(FOLDER / "postgresql")
    begin = time.monotonic()
    behind = rig.lag()
    sender.join()
    rig.wait_for_all()
    print(
        f"PostgreSQL down for {args.minutes:g} min at {args.per_second:g}/s: {restarts} restarts of the job, {behind} "
        f"items waiting, caught up {time.monotonic() - begin:.0f} s later"
    )
    return _compared(rig, wanted)


def _compared(rig: Rig, wanted: list[Fetched]) -> int:
    """0 if the tables are those of one batch and the audit balances."""
    opener = OpenWarehouse("duckdb:///:memory:one-batch")
    with opener().hold() as one, rig.warehouse.hold():
        one.migrate()
        Batches(opener, "bench", Steps(), now).run([Item(item, n + 1) for n, item in enumerate(wanted)])
        different = differences(whole_tables(one), whole_tables(rig.warehouse))
        receipts = rig.warehouse.count("receipts")
    balances = check(rig.warehouse).balances
    lost = len(wanted) - len({r.fetch_id for r in rig.warehouse.rows(Receipt)})
    print(
        f"{len(wanted)} items: {lost} lost, {receipts - len(wanted) + lost} doubled, tables "
        f"{'differ from' if different else 'equal'} those of one batch, audit {'balances' if balances else 'FAILS'}"
    )
    for line in different[:5]:
        print("  " + line[:300])
    return int(bool(different) or not balances)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rate", "drain", "kills", "outage"))
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--per-second", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--every", type=float, default=60.0, help="seconds of load for each kill")
    parser.add_argument("--parts", nargs="+", default=["taskmanager", "pool", "jobmanager", "kafka", "postgresql"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        return {"rate": rate, "drain": drain, "kills": kills, "outage": outage}[args.what](args)
    finally:
        tear_down()


if __name__ == "__main__":
    sys.exit(main())
