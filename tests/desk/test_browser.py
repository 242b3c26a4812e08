"""The desk in a real Chromium: every page and flow, on a desktop and a phone, light and dark, by keyboard; no violation
of accessibility (axe-core), no request off the machine, a first page below its budget."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import ACCESSIBLE, served
from desk_world import COURIER, HERALD, HOSTILE, NOW, SCRIPT, article, hours, key, world
from playwright.sync_api import Page, expect

from connectors.warehouse import open_warehouse
from pipeline.desk.follower import Follower
from pipeline.desk.web.app import make_app
from pipeline.desk.web.desk import Desk
from schemas.records import Link, Receipt, Story, StoryEvent

pytestmark = pytest.mark.engines
FIRST_PAGE = 150_000
"""Bytes: the page with everything it needs."""
STORY = key("herald")
PAGES = {
    "front": "/",
    "stories": "/stories",
    "changes": "/changes",
    "story": f"/story/{STORY}",
    "hostile story": f"/story/{HOSTILE.article_id}",
    "article": f"/article/{HERALD.article_id}",
    "hostile article": f"/article/{HOSTILE.article_id}",
    "compare": f"/article/{COURIER.article_id}/compare",
    "search": "/search?q=harbour",
    "conflicts": "/conflicts",
    "numbers": "/numbers",
    "numbers chart": "/numbers?measure=deaths&unit=person",
    "sources": "/sources",
    "rejects": "/rejects?reason=bot_wall",
    "reject": f"/reject/{key('reject')}",
    "downloads": "/downloads",
    "not found": "/nope",
}
SCREENS = {
    "desktop": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """(its address, its follower, its warehouse's URL)"""
    folder = tmp_path_factory.mktemp("browsed")
    url = f"duckdb:///{folder}/w.duckdb"
    open_warehouse(url).migrate()
    open_warehouse(url).apply(world())
    follower = Follower(url, folder / "desk", lambda: NOW)
    follower.index_all()
    follower.follow()
    with served(make_app(Desk(follower, lambda: NOW))) as address:
        yield address, follower, url
    follower.close()


@pytest.fixture(params=SCREENS)
def screen(request, browser):
    context = browser.new_context(**SCREENS[request.param])
    yield opened(context)
    context.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(**SCREENS["desktop"])
    yield opened(context)
    context.close()


def opened(context) -> Page:
    """A page that notes what it asked for, what it could not do, and every dialog."""
    page = context.new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda r: page.asked.append(r.url))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: page.wrong.append(str(e)))
    page.on("dialog", lambda d: (page.wrong.append(d.message), d.dismiss()))
    return page


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, in words."""
    found = Axe().run(page, options=ACCESSIBLE).response["violations"]
    return [f"{v['id']}: {n['html'][:150]} {n['failureSummary']}" for v in found for n in v["nodes"]]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_asks_nobody_else(screen, desk, name):
    address = desk[0]
    screen.goto(address + PAGES[name])
    assert screen.wrong == ([] if name != "not found" else screen.wrong[:1])
    assert [url for url in screen.asked if not url.startswith(address + "/")] == []
    assert violations(screen) == []
    width = screen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name} is {width} px wider than its screen"


def test_open_parts_are_accessible_too(page, desk):
    page.goto(f"{desk[0]}/story/{STORY}")
    page.locator("summary").first.click()
    expect(page.get_by_role("link", name="Headline of wire2", exact=True)).to_be_visible()
    assert violations(page) == []


def test_the_first_page_is_small(page, desk):
    sizes = []
    page.on("response", lambda r: sizes.append(len(r.body()) if r.status == 200 else 0))
    page.goto(desk[0], wait_until="networkidle")
    assert len(sizes) >= 3
    assert sum(sizes) < FIRST_PAGE


def test_no_script_of_content_runs(page, desk):
    for path in (*PAGES.values(), f"/search?q={SCRIPT}", f"/numbers?measure={SCRIPT}", f"/rejects?reason={SCRIPT}"):
        if path != "/nope":
            page.goto(desk[0] + path)
    assert page.wrong == []


def test_the_policy_stops_a_script_even_where_one_gets_in(page, desk):
    page.goto(desk[0])
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src='https://evil.example/x' onerror='document.title=1'>");
    }""")
    page.wait_for_timeout(100)
    assert page.title() == "Front · wiredesk"
    assert any("Content Security Policy" in text for text in page.wrong)


def test_a_reader_goes_from_the_front_to_a_number_and_who_said_it(page, desk):
    page.goto(desk[0])
    page.get_by_role("link", name="Headline of herald").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Headline of herald")
    expect(page.get_by_role("img", name="When each article was published")).to_be_visible()
    page.locator("table.said").get_by_role("link", name="courier").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Headline of courier")
    assert page.url.endswith(f"#m-{key(f'metric {COURIER.article_id} 14')}")
    page.get_by_role("link", name="compared").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Side by side")
    expect(page.locator("ins").first).to_be_visible()


def test_hovering_or_focusing_a_number_shows_what_is_known_of_it(page, desk):
    page.goto(f"{desk[0]}/article/{HERALD.article_id}")
    tip = page.get_by_role("tooltip")
    expect(tip).to_be_hidden()
    page.locator(".num").hover()
    expect(tip).to_have_text("12: deaths, 2026-03-04; said by the mayor; conflict")
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    page.locator(".num a").focus()
    expect(tip).to_be_visible()


def test_a_search_from_any_page_and_its_filters(page, desk):
    page.goto(f"{desk[0]}/sources")
    page.get_by_role("search").get_by_label("Search the articles").fill("harbour")
    page.keyboard.press("Enter")
    expect(page.locator(".lines li")).to_have_count(7)
    page.get_by_label("Source", exact=True).fill("courier")
    page.locator("form.filters").get_by_role("button", name="Search").click()
    expect(page.locator(".lines li")).to_have_count(1)


def test_the_keyboard_alone_is_enough(page, desk):
    page.goto(desk[0])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "Headline of herald"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Headline of herald")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_every_page_is_whole_without_script(browser, desk):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(desk[0])
    page.get_by_role("link", name="Headline of herald").first.click()
    expect(page.get_by_role("img", name="When each article was published")).to_be_visible()
    expect(page.get_by_role("row", name="12 the mayor herald")).to_be_visible()
    context.close()


def test_an_open_page_tells_of_new_articles_and_the_reader_marks_them_seen(page, desk):
    address, follower, url = desk
    page.goto(address)
    new = article("late", hours(0.1), text="A tram left the rails.")
    open_warehouse(url).apply(
        [
            new,
            Link(article_id=new.article_id, story_id=new.article_id),
            Story(story_id=new.article_id, title=new.title, last_published_at=new.published_at, independent_count=1),
            StoryEvent(event_id=key("late"), story_id=new.article_id, event="created", article_id=new.article_id,
                       at=hours(-0.01)),
            Receipt(fetch_id=new.fetch_id, outcome="article", article_id=new.article_id, at=NOW),
        ]
    )  # fmt: skip
    follower.follow()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when the reader comes back to it
    expect(page.get_by_role("status")).to_contain_text("1 new article: show")
    page.get_by_role("link", name="1 new article").click()
    expect(page.locator(".fresh")).to_have_text("new")
    page.get_by_role("button", name="Mark all as seen").click()
    expect(page.get_by_role("main")).to_contain_text("Your last look: just now")


def test_downloads_are_files(page, desk):
    page.goto(f"{desk[0]}/downloads")
    with page.expect_download() as download:
        page.get_by_role("link", name="stories as CSV").click()
    assert download.value.suggested_filename == "stories.csv"


def test_a_locked_desk_is_opened_with_its_token(browser, desk):
    app = make_app(Desk(desk[1], lambda: NOW), token="correct horse")
    context = browser.new_context()
    page = opened(context)
    with served(app) as address:
        page.goto(f"{address}/story/{STORY}")
        assert page.url == f"{address}/login"
        assert violations(page) == []
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        page.get_by_label("Token").fill("correct horse")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("link", name="Headline of herald").first).to_be_visible()
    context.close()
