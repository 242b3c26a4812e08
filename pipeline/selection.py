"""Choose which items of a channel become articles: by site, sample, date and language.

Site and sample are known of an item before it is drafted (``takes``), date and language of the revision that it is
(``keeps``). What is left out is neither article nor reject: it has no receipt, the channel's position moves past it,
and it is counted. An item that became a reject is one whatever its date and language would have been.

All of it is a function of the item alone, so any order, split and repetition leaves out the same. Another selection is
another channel (``tag``), since what it has passed says nothing about what this one wants.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from schemas.ids import content_id
from schemas.records import Fetched, Revision


@dataclass(frozen=True)
class Selection:
    """``since``, ``until``: the article's date is from the first on and before the second. ``sites``: names whose hosts
    and sub-domains' are taken. ``languages``: BCP 47 tags; "en" means "en-GB" too. ``sample``: the share of URLs."""

    since: datetime | None = None
    until: datetime | None = None
    sites: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sample: float = 1.0

    @property
    def tag(self) -> str:
        """What tells it from other selections; empty if it takes all."""
        if self == Selection():
            return ""
        when = [at.isoformat() if at else None for at in (self.since, self.until)]
        return content_id("selection", *when, repr(self.sites), repr(self.languages), repr(self.sample))[:8]

    def takes(self, fetched: Fetched) -> bool:
        """Whether the item is to be drafted. One without a URL is: it will be a reject, which is to be seen."""
        if not fetched.url:
            return True
        return self._of_site(fetched.url) and (self.sample >= 1 or share_of(fetched.url) < self.sample)

    def keeps(self, revision: Revision) -> bool:
        """Whether the revision is to be settled. One without a date is in no range, one without a language has none."""
        at = revision.published_at
        if self.since is not None and (at is None or at < self.since):
            return False
        if self.until is not None and (at is None or at >= self.until):
            return False
        language = (revision.language or "").lower()
        wanted = [tag.lower() for tag in self.languages]
        return not wanted or any(language == tag or language.startswith(f"{tag}-") for tag in wanted)

    def _of_site(self, url: str) -> bool:
        if not self.sites:
            return True
        try:
            host = (urlsplit(url).hostname or "").rstrip(".")
        except ValueError:
            return False
        return any(host == site or host.endswith(f".{site}") for site in self.sites)


def share_of(url: str) -> float:
    """Where the URL falls between 0 and 1: the same in every run and on every machine."""
    digest = hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8, person=b"sample").digest()
    return int.from_bytes(digest, "big") / 2**64
