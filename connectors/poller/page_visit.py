"""One visit of one page that waits: had, given up, or put off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.http import FetchError, Response
from connectors.poller.items import digest, unpack_item
from connectors.poller.schedule import rule_for
from connectors.poller.settings import Event, Outcome, PageSettings
from connectors.poller.state import Change, PageDue
from connectors.poller.tools import Tools, kept_headers, make_message
from connectors.queue import Outgoing
from connectors.scraper.pages import fetch_page
from connectors.scraper.rules import rules_for
from connectors.scraper.sites import site_of
from connectors.sources import Source
from schemas.records import Failure


def put_off(page: PageDue, asked: timedelta | None, at: datetime, settings: PageSettings) -> PageDue:
    """The page after one more try that failed for the moment; ``asked`` is what the server's Retry-After says."""
    wait = max(settings.retry_after * 4 ** min(page.attempts, 10), asked or timedelta(0))
    return replace(page, attempts=page.attempts + 1, due_at=at + min(wait, settings.longest_wait))


class PageVisit:
    """``await PageVisit(tools, source, page).run()`` fetches the page and commits; it gives the page if it is to be
    fetched again, and how long its host asks to be left alone (zero: it does not)."""

    def __init__(self, tools: Tools, source: Source, page: PageDue):
        self.tools = tools
        self.source = source
        self.page = page
        self.at = tools.now()

    async def run(self) -> tuple[PageDue | None, timedelta]:
        try:
            # Headers that the user gave may hold a key for the site: they go nowhere else.
            own = site_of(self.page.url) == site_of(self.source.url)
            caps, headers = self.tools.settings.pages.caps, dict(self.source.headers) if own else None
            response = await fetch_page(self.tools.web, self.page.url, caps, headers)
        except FetchError as e:
            return await self._failed(e)
        except Exception as e:  # noqa: BLE001 - one page must not stop the others; it becomes a reject with its error
            return await self._failed(FetchError("poller_error", repr(e)))
        return await self._had(response), timedelta(0)

    async def _had(self, response: Response) -> PageDue | None:
        page, body_hash = self.page, digest(response.body)
        revisits = self.tools.settings.pages.revisit_after
        again = None
        if page.visits < len(revisits):
            due = self.at + revisits[page.visits]
            again = replace(page, attempts=0, visits=page.visits + 1, due_at=due, body_hash=body_hash)
        if page.body_hash == body_hash:
            await self._commit(again)
            self._tell("same")
            return again
        site_rules = rules_for(page.url, self.tools.rules, self.source.rules)
        message = self._message(
            final_url=response.final_url,
            status=response.status,
            content_type=response.headers.get("content-type"),
            headers=kept_headers(response.headers),
            body=response.body,
            more={"robots": "allowed"} | (site_rules.provenance if site_rules is not None else {}),
        )
        await self._commit(again, message)
        self._tell("fetched")
        return again

    async def _failed(self, error: FetchError) -> tuple[PageDue | None, timedelta]:
        page, settings = self.page, self.tools.settings.pages
        rule = rule_for(error.reason, error.status)
        quiet = timedelta(0)
        if rule.throttled:
            quiet = min(error.retry_after or settings.retry_after, settings.longest_wait)
        if rule.retry and page.attempts + 1 < settings.attempts:
            again = put_off(page, error.retry_after, self.at, settings)
            await self._commit(again)
            self._tell("later", error.reason, error.detail)
            return again, quiet
        if page.visits:
            # The article is in the queue since the first visit; that its page has gone since is no item.
            await self._commit(None)
        else:
            more = {"robots": "disallowed"} if error.reason == "robots" else {}
            failure = Failure(reason=error.reason, detail=error.detail)
            await self._commit(None, self._message(status=error.status, failure=failure, more=more))
        self._tell("failed", error.reason, error.detail)
        return None, quiet

    def _message(self, more: dict[str, str], **values: object) -> Outgoing:
        item = unpack_item(self.page.item)
        return make_message(
            self.source,
            url=self.page.url,
            fetched_at=self.at,
            entry=item.entry,
            position=item.position,
            provenance=item.provenance | more,
            **values,
        )

    async def _commit(self, again: PageDue | None, *messages: Outgoing) -> None:
        done = () if again is not None else (self.page,)
        later = (again,) if again is not None else ()
        await self.tools.commits.commit(Change(url=self.page.feed, later=later, done=done), messages)

    def _tell(self, outcome: Outcome, reason: str | None = None, detail: str = "") -> None:
        self.tools.tell(Event("page", self.source.name, self.page.url, outcome, reason, detail))
