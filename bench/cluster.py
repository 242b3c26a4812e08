"""The stream on real engines under load: how long an item takes, how fast a backlog drains, and what faults cost.

    python bench/cluster.py rate   [--html] [--per-second 20] [--minutes 10]
    python bench/cluster.py drain  [--items 20000]
    python bench/cluster.py kills  [--times 10] [--parts taskmanager pool kafka postgresql] [--every 10]
    python bench/cluster.py pauses [--times 1] [--pause 30]
    python bench/cluster.py submitter [--times 10]
    python bench/cluster.py outage [--minutes 5] [--per-second 10]
    python bench/cluster.py same   [--data ../shared/data] [--items 3000]

starts Kafka, Flink and PostgreSQL of its own in var/bench-cluster (packages are fetched once; Java 17 and Maven are
needed), runs the whole graph as a job, prints figures, stops the engines. ``rate``: seconds from the append until the
row can be read, and what checkpoints and memory are on the way. ``kills``: SIGKILL to one part after the other under
load, started again at once; ``pauses``: SIGSTOP instead, for so long; ``submitter``: the command that starts the job is
killed at some moment, again and again; ``outage``: PostgreSQL is stopped so long. These compare all tables with those
of a backfill into DuckDB, and exit with 1 if a row differs or the audit does not balance; ``same`` does so with the
demo's material and news articles as pages. Other articles are invented by a seed, and have as much in common as a
week's news. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from rig import FLINK_PARTS, FOLDER, Rig, compared, items, news_pages, set_up, tear_down

from connectors.flink import Flink
from connectors.queue import Outgoing
from schemas import wire
from schemas.records import Fetched

sys.path[:0] = [str(Path(__file__).parents[1] / "deploy"), str(Path(__file__).parents[1] / "tests" / "support")]

from engines import flink, kafka, postgresql  # noqa: E402
from engines.processes import Process  # noqa: E402
from whole import demo_items  # noqa: E402


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

    def fill(rig: Rig) -> None:
        for n in range(0, len(wanted), 500):
            rig.queue.append([Outgoing(item.source, wire.encode(item)) for item in wanted[n : n + 500]])

    rig = set_up(fill)
    first = rig.lag()
    begin = time.monotonic()
    rig.wait_for_all()
    spent = time.monotonic() - begin
    print(f"drain of {len(wanted)} {'HTML' if args.html else 'text'} items, everything on: the last {first} of them at")
    print(f"  {first / spent:.0f} a second; {psutil.cpu_count()} cores, the engines on the same")
    return 0


def kills(args: argparse.Namespace) -> int:
    return _disturbed(args, _kill, "kill -9")


def pauses(args: argparse.Namespace) -> int:
    def pause(part: str) -> None:
        found = _processes(part)
        for process in found:
            process.suspend()
        time.sleep(args.pause)
        for process in found:
            process.resume()

    return _disturbed(args, pause, f"SIGSTOP for {args.pause:g} s")


def _disturbed(args: argparse.Namespace, disturb: Callable[[str], None], what: str) -> int:
    """Under load, disturb one part after the other, and wait each time until rows come again."""
    rig = set_up()
    sent: list[Fetched] = []
    enough = threading.Event()

    def send() -> None:
        for item in items(10**6, args.html, args.seed):
            if enough.wait(1 / args.per_second):
                return
            rig.send([item])
            sent.append(item)

    sender = threading.Thread(target=send)
    sender.start()
    back: dict[str, list[float]] = {part: [] for part in args.parts}
    for _ in range(args.times):
        for part in args.parts:
            time.sleep(args.every)
            disturb(part)
            begin, before = time.monotonic(), _items_done(rig)
            while _items_done(rig) <= before and time.monotonic() - begin < 300:
                time.sleep(0.2)
            back[part].append(time.monotonic() - begin)
            print(f"  {part}: rows again after {back[part][-1]:.0f} s, lag {rig.lag()}", flush=True)
    enough.set()
    sender.join()
    rig.wait_for_all()
    for part, took in back.items():
        print(
            f"{what} of {part}: {len(took)} times, rows again after {sorted(took)[len(took) // 2]:.0f} s in the "
            f"median, {max(took):.0f} s at the most"
        )
    return compared(rig, sent)


def submitter(args: argparse.Namespace) -> int:
    """Kill the command that starts the job at any moment; then start it in earnest."""
    rng = random.Random(args.seed)
    wanted = list(items(500, args.html, args.seed))

    def kill_some(rig: Rig) -> None:
        rig.send(wanted)
        for n in range(args.times):
            command = subprocess.Popen([sys.executable, "-m", "pipeline", *rig.submit], stdout=subprocess.DEVNULL)
            time.sleep(rng.uniform(1, 25))
            command.kill()
            command.wait()
            jobs = [job.state for job in Flink(rig.cluster.url).jobs() if not job.ended]
            print(f"  submitter killed {n + 1} times: jobs {jobs}", flush=True)
            if len(jobs) > 1:
                sys.exit("two jobs run")

    rig = set_up(kill_some)
    rig.wait_for_all()
    return compared(rig, wanted)


def same(args: argparse.Namespace) -> int:
    wanted = [*demo_items(datetime(2026, 6, 1, 12, tzinfo=UTC)), *news_pages(args.data, args.items)]
    rig = set_up()
    begin = time.monotonic()
    for n in range(0, len(wanted), 100):
        rig.send(wanted[n : n + 100])
    rig.wait_for_all()
    print(f"{len(wanted)} items on Kafka, Flink and PostgreSQL in {time.monotonic() - begin:.0f} s", flush=True)
    return compared(rig, wanted, batch=700)


def _kill(part: str) -> None:
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


def _processes(part: str) -> list[psutil.Process]:
    """The part's process and all that it started."""
    pid = Process((FOLDER / "flink").resolve(), part).pid if part in FLINK_PARTS else None
    first = psutil.Process(pid or int((FOLDER / part / "pid").read_text()))
    return [first, *first.children(recursive=True)]


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
    return compared(rig, wanted)


COMMANDS = {
    "rate": rate,
    "drain": drain,
    "kills": kills,
    "pauses": pauses,
    "submitter": submitter,
    "outage": outage,
    "same": same,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--per-second", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--every", type=float, default=10.0, help="seconds of load before each fault")
    parser.add_argument("--pause", type=float, default=30.0, help="seconds of each pause")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--parts", nargs="+", default=["taskmanager", "pool", "jobmanager", "kafka", "postgresql"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        return COMMANDS[args.what](args)
    finally:
        tear_down()


if __name__ == "__main__":
    sys.exit(main())
