"""What is exported: names as Prometheus wants them, the numbers of a real poll and stream, health and readiness."""

import contextlib
import http.client
import pathlib
import re
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.poller import Event, FeedState
from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse, WarehouseBusy
from pipeline.cli import main
from pipeline.cli.batches import Batches
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.metrics import Metrics, count_event, count_measured, definitions, show_queue, show_sources
from pipeline.cli.queue import look
from pipeline.cli.settings import StreamSettings
from pipeline.cli.stream import run_stream
from pipeline.cli.supervision import Part
from pipeline.cli.watched_parts import WatchedParts, address_of
from pipeline.cli.watching import Health, Watch, parsed, served
from pipeline.counting import Measured, Spread
from pipeline.graph import Steps
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Entry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARTS = ("poll", "stream", "serve", "up")
TEXT = "Fifty people were hurt when a bridge fell at Ashby on Monday, the council said. " * 6


def samples(text: bytes) -> dict[str, float]:
    """Sample name with its labels -> value."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for s in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(s.labels.items()))
            found[f"{s.name}{{{labels}}}" if labels else s.name] = s.value
    return found


@pytest.mark.parametrize("d", definitions().values(), ids=lambda d: d.name)
def test_names_follow_the_conventions(d):
    assert re.fullmatch(r"wiredesk(_[a-z]+)+", d.name)
    assert d.name.endswith("_total") == (d.kind == "counter")
    assert d.part in (*PARTS, "all")
    assert d.help.endswith(".")
    assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|kilobytes|percent)(_|$)", d.name)
    assert bool(d.buckets) == (d.kind == "histogram")


@pytest.mark.parametrize("part", PARTS)
def test_each_part_exports_what_is_defined_of_it(part):
    families = {f.name for f in text_string_to_metric_families(Metrics(part).text().decode())}
    mine = {d.name.removesuffix("_total") for d in definitions().values() if d.part in (part, "all")}
    assert mine <= families
    assert {"process_open_fds", "process_resident_memory_bytes"} <= families


def test_a_metric_or_label_that_is_not_defined_is_a_mistake():
    metrics = Metrics("poll")
    with pytest.raises(KeyError):
        metrics.add("wiredesk_batch_seconds")
    with pytest.raises(ValueError):
        metrics.add("wiredesk_polls_total", reason="dns")


def test_what_the_poller_did_is_counted():
    metrics = Metrics("poll")
    for event in (
        Event("source", "s", "u", "new", items=3),
        Event("source", "s", "u", "failing", "dns"),
        Event("page", "s", "u", "failed", "gone"),
        Event("queue", "", "", "full"),
    ):
        count_event(metrics, event)
    found = samples(metrics.text())
    assert found["wiredesk_polls_total{outcome=new}"] == 1
    assert found["wiredesk_pages_total{outcome=failed}"] == 1
    assert found["wiredesk_poll_failures_total{reason=dns,what=source}"] == 1
    assert found["wiredesk_entries_total"] == 3
    assert found["wiredesk_queue_full"] == 1


def test_sources_are_shown_as_they_are_and_those_that_are_gone_are_not():
    metrics = Metrics("poll")
    quiet = FeedState(
        url="u", source="Herald", address="u", status="ok", rate=10 / 86400, new_at=NOW - timedelta(days=1),
        next_poll_at=NOW - timedelta(minutes=2),
    )  # fmt: skip
    show_sources(metrics, [quiet], NOW)
    found = samples(metrics.text())
    assert found["wiredesk_sources{status=ok}"] == 1
    assert found["wiredesk_source_entries_per_day{source=Herald}"] == pytest.approx(10)
    assert found["wiredesk_source_last_new_timestamp_seconds{source=Herald}"] == NOW.timestamp() - 86400
    assert found["wiredesk_source_overdue_seconds"] == 120
    show_sources(metrics, [], NOW)
    assert "Herald" not in metrics.text().decode()


def test_the_queue_is_shown_with_the_age_of_what_waits(tmp_path):
    queue, metrics = open_queue(f"sqlite:///{tmp_path}/q.db"), Metrics("poll")
    queue.append([Outgoing("k", b"1"), Outgoing("k", b"2")])
    queue.commit("stream", {0: 1})
    status = look(queue)
    show_queue(metrics, status, status.readers[0].waiting_since + timedelta(seconds=90))
    found = samples(metrics.text())
    assert found["wiredesk_queue_waiting_messages{group=stream}"] == 1
    assert found["wiredesk_queue_oldest_waiting_seconds{group=stream}"] == 90
    assert found["wiredesk_queue_appended_messages_total"] == 2
    assert found["wiredesk_queue_kept_messages"] == 2
    assert found["wiredesk_queue_up"] == 1
    show_queue(metrics, None, NOW)
    assert samples(metrics.text())["wiredesk_queue_up"] == 0
    queue.close()


def stream(tmp_path, items, watch, open_warehouse=None):
    queue = open_queue(f"sqlite:///{tmp_path}/q.db")
    queue.append([Outgoing("k", wire.encode(item)) for item in items])
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    batches = Batches(
        opener, queue.channel, Steps(), lambda: NOW, watch=lambda found: count_measured(watch.metrics, found)
    )
    try:
        return run_stream(
            queue, open_warehouse or opener, batches, StreamSettings(wait_seconds=0.01), threading.Event(),
            once=True, clock=lambda: NOW, watch=watch,
        )  # fmt: skip
    finally:
        queue.close()


def test_a_stream_counts_articles_numbers_rejects_and_times(tmp_path):
    item = fetched(
        source="s",
        url="https://s.example/1",
        fetched_at=NOW - timedelta(seconds=40),
        entry=Entry(title="A bridge fell", content=TEXT, content_type="text/plain"),
    )
    empty = fetched(source="s", url="https://s.example/2", fetched_at=NOW, body=b"<p>", content_type="text/html")
    watch = Watch(Metrics("stream"), Health())
    stream(tmp_path, [item, item, empty], watch)
    found = samples(watch.text())
    assert found["wiredesk_items_total{seen=new}"] == 2
    assert found["wiredesk_items_total{seen=before}"] == 1
    assert found["wiredesk_articles_total"] == 2
    assert found["wiredesk_rejects_total{reason=no_text}"] == 1
    assert found["wiredesk_numbers_total"] > 0
    assert found["wiredesk_draft_seconds_count"] == 3
    assert found["wiredesk_batch_seconds_count"] == 1
    assert found["wiredesk_warehouse_seconds_count{operation=apply}"] == 1
    assert found["wiredesk_warehouse_seconds_count{operation=open}"] == 1
    assert found["wiredesk_delay_seconds_sum"] == 80
    assert found["wiredesk_delay_longest_seconds"] == 40
    assert found["wiredesk_stream_lag_messages"] == 0
    assert found["wiredesk_stream_watermark_timestamp_seconds"] == NOW.timestamp()
    assert found["wiredesk_stream_up{door=warehouse}"] == 1
    assert watch.unready() == []


def test_a_warehouse_that_is_away_is_told_and_the_stream_is_not_ready(tmp_path):
    opener, watch = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb"), Watch(Metrics("stream"), Health())
    stop = threading.Event()

    def away():
        stop.set()
        raise WarehouseBusy("held by another")

    queue = open_queue(f"sqlite:///{tmp_path}/q.db")
    batches = Batches(opener, queue.channel, Steps(), lambda: NOW)
    run_stream(queue, away, batches, StreamSettings(), stop, once=False, clock=lambda: NOW, watch=watch)
    queue.close()
    found = samples(watch.text())
    assert found["wiredesk_stream_up{door=warehouse}"] == 0
    assert found["wiredesk_stream_waits_total{door=warehouse}"] == 1
    assert "warehouse: held by another" in watch.unready()
    assert watch.dead() == []


def test_a_batch_that_was_halved_counts_each_part():
    metrics = Metrics("stream")
    count_measured(metrics, Measured({}, {("settle", "apply_milliseconds"): Spread(3, 600, 400)}))
    found = samples(metrics.text())
    assert found["wiredesk_warehouse_seconds_count{operation=apply}"] == 3
    assert found["wiredesk_warehouse_seconds_sum{operation=apply}"] == pytest.approx(0.6)


def test_a_counter_follows_one_that_began_anew():
    metrics = Metrics("poll")
    for value in (5, 8, 2):
        metrics.raise_to("wiredesk_queue_appended_messages_total", value)
    assert samples(metrics.text())["wiredesk_queue_appended_messages_total"] == 2


# -- health --


def test_a_loop_that_stands_is_dead_and_one_that_turns_again_is_not():
    at = [0.0]
    health = Health(lambda: at[0], patience=60)
    health.started()
    at[0] = 61
    assert health.dead() == ["no sign of life for 61 s"]
    health.beat()
    assert health.dead() == []
    assert health.unready() == []


def ask(address: tuple[str, int], path: str, method: str = "GET") -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=10)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()


@pytest.fixture
def free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return "127.0.0.1", port


def test_metrics_health_and_readiness_are_served(free):
    health = Health()
    with served(Watch(Metrics("poll"), health), f"127.0.0.1:{free[1]}"):
        assert "wiredesk_queue_full 0.0" in ask(free, "/metrics")[1]
        assert ask(free, "/healthz") == (200, "ok\n")
        assert ask(free, "/readyz") == (503, "start: starting\n")
        health.started()
        assert ask(free, "/readyz") == (200, "ok\n")
        assert ask(free, "/../etc/passwd")[0] == 404
        assert ask(free, "/metrics", "HEAD") == (200, "")
        assert ask(free, "/metrics", "POST")[0] == 501
    with pytest.raises(OSError):
        ask(free, "/healthz")


@pytest.mark.parametrize("address", ["9464", "localhost", "a:b", "127.0.0.1:70000", "::1:9464", ""])
def test_what_is_no_address_is_the_users_mistake(address):
    with pytest.raises(UserError, match="HOST:PORT"):
        parsed(address)


def test_ipv6_addresses_have_brackets():
    assert parsed("[::1]:9464") == ("::1", 9464)


def test_a_port_that_is_taken_is_told(free):
    with (
        socket.create_server(free),
        pytest.raises(Failed, match="free that port"),
        served(None, f"127.0.0.1:{free[1]}"),
    ):
        pass


def test_a_poll_with_metrics_leaves_nothing_behind(free, tmp_path, capsys):
    (tmp_path / "sources.toml").write_text('[[source]]\nurl = "http://127.0.0.1:9/feed"\n')
    arguments = ["--sources", f"{tmp_path}/sources.toml", "--queue", f"sqlite:///{tmp_path}/q.db"]
    arguments += ["--state", f"{tmp_path}/s.db", "--metrics", f"127.0.0.1:{free[1]}", "--once"]
    assert main(["poll", *arguments]) == 0
    assert not [t for t in threading.enumerate() if t.name in ("metrics", "queue-watch")]


# -- up --


def test_the_parts_metrics_are_one_and_say_whose_they_are(tmp_path: pathlib.Path):
    parts = [Part("poll", ()), Part("stream", ())]
    parts[1].starts = 3
    poll, health = Metrics("poll"), Health()
    poll.add("wiredesk_entries_total", 7)
    up = WatchedParts(parts, tmp_path, Metrics("up"), Health())
    with served(Watch(poll, health), address_of(tmp_path, "poll")):
        found = samples(up.text())
        assert up.dead() == []
        assert up.unready() == ["poll: start: starting", "stream: does not answer"]
    assert found["wiredesk_entries_total"] == 7
    assert found["wiredesk_part_up{part=poll}"] == 1
    assert found["wiredesk_part_up{part=stream}"] == 0
    assert found["wiredesk_part_restarts_total{part=stream}"] == 2
    assert {"process_open_fds{part=poll}", "process_open_fds{part=up}"} <= found.keys()
    assert up.text().count(b"# TYPE process_open_fds gauge") == 1
    assert (tmp_path / "poll.socket").exists()
