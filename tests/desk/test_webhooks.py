"""Webhooks reach their receivers at least once, signed, and no address inside the network is reached through them."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer
from desk_world import NOW, hours, key

from connectors.warehouse import open_warehouse
from connectors.webhooks import Posted, WebhookClient
from pipeline.desk import webhooks
from pipeline.desk.webhooks import Hook, Outbox, Sender, sign
from schemas.records import Story, StoryEvent

URL = "https://hooks.example/wiredesk"
KNOWN = {"known": 2}
"""The world's story and its conflict, which were there before."""
LATER = NOW + timedelta(minutes=10)


class Receiver:
    """A client that notes what is posted, and answers as it is told."""

    def __init__(self, *answers: Posted):
        self.answers = list(answers)
        self.got: list[tuple[str, dict, dict]] = []

    async def post(self, url, body, headers):
        self.got.append((url, json.loads(body), dict(headers)))
        return self.answers.pop(0) if self.answers else Posted(204)


@pytest.fixture
def warehouse(duckdb_url):
    return open_warehouse(duckdb_url)


@pytest.fixture
def outbox(tmp_path, warehouse):
    """One that has looked at the world, and so has nothing to tell of it."""
    box = Outbox(tmp_path, [Hook(URL, "s3cret")], "https://desk.example")
    box.note(warehouse, NOW)
    yield box
    box.close()


def send(box: Outbox, receiver, now=LATER) -> int:
    return asyncio.run(box.send_due(receiver, now))


def grow(warehouse, name: str, independent: int, at=NOW, other: str | None = None) -> None:
    warehouse.apply(
        [
            Story(story_id=key(name), title=name, last_published_at=at, independent_count=independent),
            StoryEvent(event_id=key(f"{name} {independent}"), story_id=key(name), event="joined", article_id=key(name),
                       other_story_id=other, at=at),
        ]
    )  # fmt: skip


def test_the_first_look_tells_nothing(outbox, warehouse):
    outbox.note(warehouse, NOW)
    assert set(outbox.states()) <= {"known"}
    assert send(outbox, Receiver()) == 0


def told(receiver) -> list[str]:
    return [body["data"].get("title") for _, body, _ in receiver.got if body["type"] == "story.new"]


def test_a_story_is_told_of_once_when_it_has_two_independent_texts(outbox, warehouse):
    receiver = Receiver()
    for n, independent in enumerate((1, 2, 2, 3)):
        grow(warehouse, "tram", independent, NOW + timedelta(minutes=n))
        outbox.note(warehouse, NOW + timedelta(minutes=n))
        send(outbox, receiver, LATER + timedelta(minutes=n))
        assert told(receiver).count("tram") == (0 if n == 0 else 1)
    (message,) = [m for m in receiver.got if m[1]["data"].get("title") == "tram"]
    assert message[1]["data"]["url"] == f"https://desk.example/story/{key('tram')}"


def test_a_story_with_another_first_article_is_not_told_of_again(outbox, warehouse):
    receiver = Receiver()
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    grow(warehouse, "earlier tram", 3, NOW + timedelta(minutes=1), other=key("tram"))
    outbox.note(warehouse, NOW + timedelta(minutes=1))
    send(outbox, receiver)
    assert told(receiver).count("tram") == 1
    assert "earlier tram" not in told(receiver)


def test_a_conflict_is_told_of_with_what_was_said(tmp_path, warehouse):
    box = Outbox(tmp_path, [Hook(URL, "s", events=("conflict",))])
    empty = f"duckdb:///{tmp_path}/empty.duckdb"
    open_warehouse(empty).migrate()
    box.note(open_warehouse(empty), hours(2))
    box.note(warehouse, NOW)
    receiver = Receiver()
    assert send(box, receiver) == 1
    assert (receiver.got[0][1]["data"]["low"], receiver.got[0][1]["data"]["high"]) == (12.0, 14.0)
    box.close()


def test_an_alarm_is_told_of_once_a_day(tmp_path, warehouse):
    box = Outbox(tmp_path, [Hook(URL, "s", events=("alarm",))], alarms=lambda: [("herald", "quiet: nothing new")])
    receiver = Receiver()
    for n in (0, 0, 1, 26):
        box.note(warehouse, NOW + timedelta(hours=n))
        send(box, receiver, NOW + timedelta(hours=n))
    assert [m[1]["data"]["source"] for m in receiver.got] == ["herald", "herald"]
    box.close()


def test_a_message_is_signed_as_standard_webhooks_are(outbox, warehouse):
    receiver = Receiver()
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    send(outbox, receiver)
    url, _, headers = receiver.got[-1]
    assert url == URL
    body = json.dumps({"a": 1}).encode()
    made = sign("s3cret", "id1", NOW, body)
    expected = hmac.new(b"s3cret", f"id1.{int(NOW.timestamp())}.".encode() + body, hashlib.sha256).digest()
    assert made["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    coded = "whsec_" + base64.b64encode(b"s3cret").decode()
    assert sign(coded, "id1", NOW, body) == made
    assert set(headers) == set(made)


def test_what_is_not_taken_comes_again_later_and_later(outbox, warehouse):
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    receiver = Receiver(Posted(500, "HTTP 500"), Posted(None, "timeout"), Posted(302, "HTTP 302"))
    now = LATER
    waits = []
    while outbox.states().get("waiting"):
        got = len(receiver.got)
        send(outbox, receiver, now)
        assert send(outbox, receiver, now) == 0  # not at once
        waits.append(len(receiver.got) - got)
        now += webhooks.wait_after(len(waits))
    assert len([m for m in receiver.got if m[1]["data"].get("title") == "tram"]) == len(waits) == 4
    assert len({m[2]["webhook-id"] for m in receiver.got}) == 1
    assert outbox.states() == KNOWN | {"sent": 1}


def test_a_receiver_that_is_gone_is_given_up_and_others_after_days(outbox, warehouse):
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    send(outbox, Receiver(Posted(410, "HTTP 410")))
    assert outbox.states() == KNOWN | {"given up": 1}
    total = sum((webhooks.wait_after(n) for n in range(1, webhooks.MOST_ATTEMPTS)), timedelta())
    assert timedelta(days=1) < total < timedelta(days=7)


def test_a_kill_after_sending_repeats_the_message_and_loses_none(outbox, warehouse, tmp_path, monkeypatch):
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    receiver = Receiver()
    monkeypatch.setattr(Outbox, "_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        send(outbox, receiver)
    monkeypatch.undo()
    again = Outbox(tmp_path, [Hook(URL, "s3cret")])
    again.note(warehouse, LATER)
    assert send(again, receiver) == 1
    again.close()
    assert [m[2]["webhook-id"] for m in receiver.got] == [f"story.{key('tram')}"] * 2


def test_a_hook_that_was_taken_out_of_the_settings_is_told_nothing(outbox, warehouse, tmp_path):
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    other = Outbox(tmp_path, [Hook("https://other.example/", "s")])
    receiver = Receiver()
    send(other, receiver)
    assert receiver.got == []
    other.close()


# -- the door --


async def _received(allowed_port: bool, path: str = "/hook", message: str = "i") -> tuple[Posted, list]:
    got = []

    async def take(request):
        got.append((request.path, dict(request.headers), await request.read()))
        if request.path == "/away":
            raise web.HTTPFound("/hook")
        return web.Response()

    app = web.Application()
    app.router.add_post("/{rest:.*}", take)
    async with TestServer(app) as server:
        allowed = (f"127.0.0.1:{server.port}",) if allowed_port else ()
        async with WebhookClient(allowed) as client:
            posted = await client.post(f"http://127.0.0.1:{server.port}{path}", b"{}", sign("s", message, NOW, b"{}"))
    return posted, got


def test_a_webhook_is_posted_to_a_real_server():
    posted, got = asyncio.run(_received(True))
    assert posted.taken
    ((path, headers, body),) = got
    assert (path, body, headers["webhook-id"]) == ("/hook", b"{}", "i")


def test_a_redirect_is_not_followed():
    posted, got = asyncio.run(_received(True, "/away"))
    assert (posted.status, posted.taken, len(got)) == (302, False, 1)


def test_this_machine_is_not_reached_unless_it_is_allowed():
    posted, got = asyncio.run(_received(False))
    assert got == []
    assert posted.status is None
    assert "forbidden_address" in posted.detail


class Leads(AbstractResolver):
    """A name server of the attacker's."""

    def __init__(self, address: str):
        self.address = address

    async def resolve(self, host, port=0, family=0):
        return [{"hostname": host, "host": self.address, "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://10.0.0.1:8080/",
        "http://192.168.1.1/",
        "http://localhost/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "http://user@127.0.0.1/",
    ],
)
def test_no_address_inside_is_reached_by_a_webhook(url):
    async def attack():
        async with WebhookClient() as client:
            return await client.post(url, b"{}", {})

    posted = asyncio.run(attack())
    assert posted.status is None
    assert posted.detail.startswith(("forbidden_address", "unsupported_url"))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
def test_a_name_that_leads_inside_is_not_followed(address):
    async def attack():
        async with WebhookClient(resolver=Leads(address)) as client:
            return await client.post("http://hooks.example/", b"{}", {})

    posted = asyncio.run(attack())
    assert posted.detail.startswith("forbidden_address")


def test_a_name_that_leads_outside_first_and_inside_then_is_not_followed():
    """Nothing is remembered of the first answer: the address of each connection is judged."""

    class Turns(Leads):
        async def resolve(self, host, port=0, family=0):
            found = await super().resolve(host, port, family)
            self.address = "169.254.169.254"
            return found

    async def attack():
        async with WebhookClient(("127.0.0.1:9",), resolver=Turns("127.0.0.1")) as client:
            return [await client.post("http://hooks.example:9/", b"{}", {}) for _ in range(2)]

    first, second = asyncio.run(attack())
    assert first.detail.startswith("connection")  # it got as far as the port, where nobody listens
    assert second.detail.startswith("forbidden_address")


def test_no_header_of_a_webhook_is_split():
    """Ids are hashes and dates; were one ever a stranger's, nothing would be sent."""
    with pytest.raises(ValueError, match="Forbidden control character detected in headers"):
        asyncio.run(_received(True, message="alarm.herald\r\nX-Forged: 1"))


def test_the_senders_thread_sends_and_stops(outbox, warehouse):
    grow(warehouse, "tram", 2)
    outbox.note(warehouse, NOW)
    taken = threading.Event()

    class Client(Receiver):
        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

        async def post(self, url, body, headers):
            taken.set()
            return await super().post(url, body, headers)

    sender = Sender(outbox, Client, lambda: LATER)
    assert taken.wait(30)
    sender.close()
    assert outbox.states() == KNOWN | {"sent": 1}
