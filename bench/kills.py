"""Kill the poller and the stream again and again, under load, then ask whether anything was lost or doubled.

``python bench/kills.py [--kills 50] [--outlets 8] [--articles 25] [--seed 1]`` prints the figures and exits 1 if the
audit does not balance or an article is missing or twice. tests/test_kills.py runs it with fewer kills.

A server of this script's own plays the outlets (each with a feed that grows as time passes); `wiredesk poll` and
`wiredesk stream` run as processes and are ended with SIGKILL at random moments, in turn; at the end both run
undisturbed once, and the warehouse is compared with what the server published.
"""

from __future__ import annotations

import argparse
import asyncio
import calendar
import itertools
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

from aiohttp import web

SYLLABLES = "ba bri cor da den el fa gor hal im jo kel la mar nor os pel ra sel tor ul ver win yar".split()
WORDS = ["".join(word) for word in itertools.product(SYLLABLES, repeat=3)]
random.Random(0).shuffle(WORDS)
DAYS = calendar.day_name[:]


def _word(rng: random.Random) -> str:
    """One of the words; as in a language, few are frequent."""
    return WORDS[int(len(WORDS) * rng.random() ** 2.7)]


def article_text(rng: random.Random) -> str:
    """A text that no other repeats, but that has as much in common with others as the news of a week have: some 17
    pairs are stored of each among 5,000."""
    paragraphs = []
    for _ in range(6):
        names = [f"{_word(rng).title()}{rng.randrange(10_000)}" for _ in range(3)]
        paragraphs.append(
            f"The {_word(rng)} of {names[0]} said on {rng.choice(DAYS)} that {rng.randrange(2, 9000)} {_word(rng)} "
            f"{_word(rng)}s in {names[1]} had been {_word(rng)}ed and {_word(rng)}ed, {rng.randrange(2, 90)} percent "
            f"more than {names[2]} had {_word(rng)}ed for the {_word(rng)}."
        )
    return "\n".join(f"<p>{p}</p>" for p in paragraphs)


class Outlets:
    """Feeds on one port of this machine; each shows three more articles every time it is asked, up to the last."""

    def __init__(self, outlets: int, articles: int, seed: int):
        rng = random.Random(seed)
        self.articles = [[article_text(rng) for _ in range(articles)] for _ in range(outlets)]
        self.asked = [0] * outlets
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()
        self._ready.wait()

    def host(self, outlet: int) -> str:
        """Where the outlet is served."""
        return "127.0.0.1"

    def base(self, outlet: int) -> str:
        """What all addresses of the outlet begin with."""
        return f"http://{self.host(outlet)}:{self.port}/{outlet}"

    def show_all(self) -> None:
        """From now on every feed shows all its articles."""
        self.asked = [len(articles) for articles in self.articles]

    def urls(self) -> set[str]:
        """Of all articles."""
        return {f"{self.base(o)}/story-{a}" for o, articles in enumerate(self.articles) for a in range(len(articles))}

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/{outlet}/feed", self._feed)
        app.router.add_get("/{outlet}/story-{article}", self._page)
        runner = web.AppRunner(app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        for host in dict.fromkeys(map(self.host, range(len(self.articles)))):
            self._loop.run_until_complete(web.TCPSite(runner, host, self.port).start())
            self.port = runner.addresses[0][1]
        self._ready.set()
        self._loop.run_forever()

    async def _feed(self, request: web.Request) -> web.Response:
        outlet = int(request.match_info["outlet"])
        self.asked[outlet] = min(self.asked[outlet] + 3, len(self.articles[outlet]))
        return web.Response(text=self.document(outlet, self.asked[outlet]), content_type="application/rss+xml")

    async def _page(self, request: web.Request) -> web.Response:
        outlet, article = int(request.match_info["outlet"]), int(request.match_info["article"])
        return web.Response(text=self.page(outlet, article), content_type="text/html")

    def document(self, outlet: int, count: int) -> str:
        """The outlet's feed when it shows so many articles."""
        items = "".join(
            f"<item><title>Story {a} of outlet {outlet}</title><link>{self.base(outlet)}/story-{a}</link>"
            f"<guid>{outlet}-{a}</guid></item>"
            for a in range(count)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{outlet}</title>{items}</channel></rss>'

    def page(self, outlet: int, article: int, more: str = "") -> str:
        """The article's page; ``more`` follows its text."""
        title = f"Story {article} of outlet {outlet}"
        text = self.articles[outlet][article] + more
        return (
            f"<html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1>{text}"
            "</article></body></html>"
        )


def wiredesk(*arguments: str) -> list[str]:
    """The command line of a wiredesk command."""
    return [sys.executable, "-m", "pipeline", "--log-level", "error", *arguments]


def sources_of(world: Outlets, seconds: int) -> str:
    """A sources file of all outlets, each asked every so many seconds."""
    return "".join(
        f'[[source]]\nname = "outlet-{o}"\nurl = "{world.base(o)}/feed"\n'
        f'min_interval = "{seconds}s"\nmax_interval = "{seconds}s"\n\n'
        for o in range(len(world.articles))
    )


def run(kills: int, outlets: int, articles: int, seed: int, folder: pathlib.Path) -> dict[str, object]:
    """Return the figures; ``ok`` says whether all is as it must be."""
    rng = random.Random(seed)
    world = Outlets(outlets, articles, seed)
    sources, queue = folder / "sources.toml", f"sqlite:///{folder}/queue.db"
    warehouse, state = f"duckdb:///{folder}/wiredesk.duckdb", folder / "poller.db"
    sources.write_text(sources_of(world, 10))
    poll = wiredesk("poll", "--sources", str(sources), "--queue", queue, "--state", str(state), "--allow-private")
    stream = wiredesk("stream", "--queue", queue, "--warehouse", warehouse)
    began, killed = time.monotonic(), {"poll": 0, "stream": 0}
    running = {"poll": subprocess.Popen(poll), "stream": subprocess.Popen(stream)}
    try:
        while sum(killed.values()) < kills:
            name = rng.choice(["poll", "stream"])
            time.sleep(rng.uniform(0.5, 9.0))
            running[name].send_signal(signal.SIGKILL)
            running[name].wait()
            killed[name] += 1
            running[name] = subprocess.Popen(poll if name == "poll" else stream)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    world.show_all()
    subprocess.run([*poll, "--once", "--all"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*stream, "--once"], check=True, stdout=subprocess.DEVNULL)
    audit = subprocess.run(
        wiredesk("audit", "--queue", queue, "--warehouse", warehouse), capture_output=True, text=True
    )
    figures = compared(world.urls(), warehouse, audit)
    return {"killed": killed} | figures | {"seconds": round(time.monotonic() - began)}


def compared(published: set[str], warehouse: str, audit: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the warehouse, a DuckDB file, has of what was published; ``ok`` says whether all of it is there once."""
    import duckdb

    with duckdb.connect(warehouse.removeprefix("duckdb:///"), read_only=True) as db:
        urls = [row[0] for row in db.execute("SELECT canonical_url FROM articles").fetchall()]
        outcomes = dict(db.execute("SELECT outcome, count(*) FROM receipts GROUP BY outcome").fetchall())
        repeats = db.execute("SELECT coalesce(sum(repeats), 0) FROM progress").fetchall()[0][0]
    lost, doubled = len(published - set(urls)), len(urls) - len(set(urls))
    return {
        "published": len(published),
        "articles": len(urls),
        "lost": lost,
        "doubled": doubled,
        "receipts": outcomes,
        "repeats": int(repeats),
        "audit": "balances" if audit.returncode == 0 else audit.stdout + audit.stderr,
        "ok": not lost and not doubled and audit.returncode == 0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--outlets", type=int, default=8)
    parser.add_argument("--articles", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(options.kills, options.outlets, options.articles, options.seed, pathlib.Path(folder))
    print(json.dumps(figures, indent=2))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
