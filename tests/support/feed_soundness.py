"""What every consumer of a parsed feed relies on."""

from connectors.feeds import MAX_TITLE, Feed, FeedError, parse_feed
from connectors.feeds.model import MAX_RAW
from schemas import reasons, wire
from schemas.fetched import fetched

URL = "https://news.example/feed"


def read_soundly(body: bytes, content_type: str | None) -> str:
    """Parse the document, check the feed, and return the state that it is in: its format, or why it is none."""
    try:
        feed = parse_feed(body, content_type=content_type, url=URL)
    except FeedError as e:
        error = e
    else:
        assert_sound(feed)
        return feed.format
    assert error.reason in reasons.reasons()
    assert "\n" not in error.detail
    return error.reason


def assert_sound(feed: Feed) -> None:
    assert len({item.identity for item in feed.items}) == len(feed.items)
    for item in feed.items:
        assert item.url is not None or (item.entry.guid and item.entry.content)
        assert item.url is None or item.url.lower().startswith(("http://", "https://"))
        assert len(item.entry.title or "") <= MAX_TITLE
        record = fetched(source="x", url=item.url, entry=item.entry)
        assert wire.decode(wire.encode(record)) == record
    for problem in feed.problems:
        assert problem.reason in ("entry_no_link", "entry_unreadable")
        assert len(problem.raw) <= MAX_RAW
        assert problem.detail
