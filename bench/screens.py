"""The pictures of docs/screens, taken by Chromium of a desk over the demo's warehouse.

make demo && .venv/bin/python bench/screens.py [var/demo]
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
from datetime import UTC, datetime

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests/support")]

from browser import served  # noqa: E402
from engines import chromium  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from connectors.warehouse import open_warehouse  # noqa: E402
from pipeline.desk.follower import Follower  # noqa: E402
from pipeline.desk.web.app import make_app  # noqa: E402
from pipeline.desk.web.desk import Desk  # noqa: E402

DESKTOP = {"width": 1180, "height": 860}
PHONE = {"width": 390, "height": 780}


def main(demo: pathlib.Path) -> None:
    url = f"duckdb:///{demo}/warehouse.duckdb"
    with open_warehouse(url, read_only=True).hold() as warehouse:
        disputed = warehouse.query("SELECT min(story_id) FROM figures WHERE status = 'conflict' AND measure = 'cost'")[
            0
        ][0]
        rewrite = warehouse.query(
            "SELECT article_id FROM articles WHERE story_id = ? AND relation = 'rewrite' ORDER BY published_at",
            [disputed],
        )[0][0]
        # The demo's days are the day of the run and those before: its desk is looked at an hour after its last article.
        last = warehouse.query("SELECT max(published_at) FROM articles")[0][0]
    now = last.replace(minute=0) if last else datetime.now(UTC)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wiredesk-screens-"))
    follower = Follower(url, folder, lambda: now)
    follower.index_all()
    follower.follow()
    pictures = {
        "front": ("/", DESKTOP, "light"),
        "story": (f"/story/{disputed}", DESKTOP, "dark"),
        "article": (f"/article/{rewrite}", DESKTOP, "light"),
        "compare": (f"/article/{rewrite}/compare", DESKTOP, "light"),
        "phone": ("/", PHONE, "light"),
    }
    try:
        with served(make_app(Desk(follower, lambda: now))) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.program(), args=list(chromium.FLAGS))
            for name, (path, size, scheme) in pictures.items():
                page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
                page.goto(address + path)
                if name == "article":
                    page.locator(".num").nth(1).hover()
                page.screenshot(path=ROOT / "docs/screens" / f"{name}.png")
            browser.close()
        for name in pictures:
            file = ROOT / "docs/screens" / f"{name}.png"
            Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    finally:
        follower.close()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "var/demo"))
