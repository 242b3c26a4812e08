"""Where a fetch does not go, whatever feeds, names and redirects say."""

from __future__ import annotations

import pytest

from connectors.http import HttpClient, HttpSettings


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://127.0.0.1:1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://１２７．０．０．１/",
        "http://0/",
        "http://0.0.0.0:22/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://[ff02::1]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://inside.test/",
        "http://both.test/",
        "//metadata.test/",
    ],
)
async def test_no_redirect_leads_to_a_forbidden_address(web, target):
    names = {
        "inside.test": ["127.0.0.1"],
        "both.test": ["10.0.0.1", "::1"],
        "metadata.test": ["169.254.169.254"],
    }
    async with web.visit({"/": web.redirect(target)}, names=names) as (site, client):
        assert await web.reason(client, site.url()) == "forbidden_address"


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:70/",
        "unix:/run/docker.sock",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://[::1",
        "http://a b/",
        "http://256.1.1.1/",
    ],
)
async def test_no_redirect_leads_to_what_is_not_the_web(web, target):
    async with web.visit({"/": web.redirect(target)}) as (site, client):
        assert await web.reason(client, site.url()) == "unsupported_url"


async def test_an_address_is_refused_without_a_redirect_too(web):
    async with web.visit({"/": web.reply()}, allowed=()) as (site, client):
        assert await web.reason(client, site.url()) == "forbidden_address"
    assert site.requests == []


async def test_another_port_of_an_allowed_address_is_refused(web):
    async with web.serve({"/": web.reply()}) as other, web.visit({}) as (site, client):
        assert await web.reason(client, other.url()) == "forbidden_address"
        assert (await client.get(site.url())).status == 404
    assert other.requests == []


async def test_a_name_that_changes_its_address_is_judged_at_each_connection(web):
    """DNS rebinding: 127.0.0.2 stands for a public address, then the same name leads inside."""

    async def page(request, writer):
        writer.write(web.reply(200, b"outside", [("Connection", "close")]))
        await writer.drain()

    async with web.serve(page, host="127.0.0.2") as outside:
        rebinding = web.Names({"evil.test": [["127.0.0.2"], ["127.0.0.1"]]})
        async with HttpClient(HttpSettings(allowed=("127.0.0.2",), dns_ttl=0), resolver=rebinding) as client:
            assert (await client.get(outside.url(host="evil.test"))).body == b"outside"
            assert await web.reason(client, outside.url("/again", host="evil.test")) == "forbidden_address"
    assert rebinding.asked == ["evil.test"] * 2


async def test_the_name_of_this_machine_is_inside(web):
    async with web.serve({"/": web.reply(200, b"inside")}) as site:
        async with HttpClient(HttpSettings()) as client:
            assert await web.reason(client, site.url(host="localhost")) == "forbidden_address"
        async with HttpClient(HttpSettings(allow_private=True)) as client:
            assert (await client.get(site.url(host="localhost"))).body == b"inside"
    assert len(site.requests) == 1


async def test_a_good_address_that_does_not_answer_is_no_way_to_a_bad_one(web):
    names = {"evil.test": ["127.0.0.2", "127.0.0.1"]}
    async with web.visit({"/": web.reply()}, names=names, allowed=("127.0.0.2",)) as (inside, client):
        assert await web.reason(client, inside.url(host="evil.test")) == "connection"
    assert inside.requests == []


async def test_an_answer_that_is_a_name_is_not_resolved_past_the_guard(web):
    async with web.visit({"/": web.reply()}, names={"evil.test": ["localhost"]}) as (site, client):
        assert await web.reason(client, site.url(host="evil.test")) == "forbidden_address"
    assert site.requests == []


async def test_allow_private_opens_loopback_but_not_the_metadata_service(web):
    routes = {"/": web.reply(), "/meta": web.redirect("http://169.254.169.254/")}
    async with web.visit(routes, allowed=(), allow_private=True) as (site, client):
        assert (await client.get(site.url())).status == 200
        assert await web.reason(client, site.url("/meta")) == "forbidden_address"
