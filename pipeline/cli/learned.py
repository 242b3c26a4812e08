"""Learn from a warehouse into a file that the settings can name: ``wiredesk sources boilerplate``, ``rarities``."""

from __future__ import annotations

import pathlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
import tomli_w

from pipeline.cli.doors import warehouse_reader
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.settings import Settings

if TYPE_CHECKING:
    from connectors.warehouse import Warehouse

OF_A_SOURCE = 2000
"""Of each source so many of the newest articles are looked at for boilerplate."""
OF_A_LANGUAGE = 100_000
"""Of each language so many of the newest articles are counted for rarities: a bound on memory and time."""
READ_AT_ONCE = 1000
"""Articles that are in memory at a time."""
ONE_OF_EACH_TEXT = "(copy_group IS NULL OR copy_group = article_id)"
"""Of copies the first."""

_warehouse = click.option(
    "--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...)."
)


@click.command("boilerplate")
@_warehouse
@click.option("--output", metavar="FILE", default="boilerplate.toml", show_default=True, help="Where to write it.")
@click.pass_obj
def boilerplate(settings: Settings, warehouse_url: str | None, output: str) -> None:
    """Learn the lines that each source repeats in its articles, for matching to skip.

    Look through the file, then name it in the settings (boilerplate = "FILE"); it holds for articles from then on.

    \b
    Example:
      wiredesk sources boilerplate --warehouse duckdb:///var/wiredesk.duckdb --output boilerplate.toml
    """
    from pipeline.matching.boilerplate import learn

    learned = {}
    with warehouse_reader(warehouse_url or settings.warehouse).hold() as warehouse:
        for (source,) in warehouse.query("SELECT DISTINCT source FROM articles ORDER BY source"):
            newest = warehouse.query(
                "SELECT published_at, text FROM articles WHERE source = ? AND published_at IS NOT NULL "
                "ORDER BY published_at DESC, article_id LIMIT ?",
                [source, OF_A_SOURCE],
            )
            if lines := learn((at.date(), text) for at, text in newest):
                learned[source] = lines
    _write(output, tomli_w.dumps(learned, multiline_strings=False).encode())
    click.echo(f"{sum(map(len, learned.values()))} lines of {len(learned)} sources written to {output}")


@click.command("rarities")
@_warehouse
@click.option("--output", metavar="FILE", default="rarities.bin", show_default=True, help="Where to write them.")
@click.option("--at-least", metavar="N", type=click.IntRange(min=1), help="Articles that a language needs (500).")
@click.option("--english", is_flag=True, help="English too, in place of the table that comes along.")
@click.pass_obj
def rarities(settings: Settings, warehouse_url: str | None, output: str, at_least: int | None, english: bool) -> None:
    """Learn how rare words are in each language that has enough articles, for matching to weigh them.

    Copies of a text count once. Name the file in the settings (rarities = "FILE"); it holds for articles from then on.

    \b
    Example:
      wiredesk sources rarities --warehouse duckdb:///var/wiredesk.duckdb --output rarities.bin
    """
    from pipeline.matching.rarities import ENOUGH, dump_rarities, learn

    enough = at_least or ENOUGH
    learned = []
    with warehouse_reader(warehouse_url or settings.warehouse).hold() as warehouse:
        for language, (tags, count) in sorted(_languages(warehouse).items()):
            if count >= enough and language != "und" and (english or language != "en"):
                learned.append(learn(language, _texts(warehouse, tags)))
    if not learned:
        but = "" if english else ", English aside"
        raise Failed(f"no language has {enough:,} articles yet{but}: nothing was learned")
    _write(output, dump_rarities(learned))
    told = ", ".join(f"{table.language} of {table.articles:,} articles" for table in learned)
    click.echo(f"the rarities of {len(learned)} languages ({told}) written to {output}")


def _languages(warehouse: Warehouse) -> dict[str, tuple[list[str], int]]:
    """Primary subtag -> the tags that begin with it, and how many texts they have."""
    from pipeline.matching.sketch import subtag

    tags: dict[str, list[str]] = defaultdict(list)
    texts: dict[str, int] = defaultdict(int)
    for tag, count in warehouse.query(
        f"SELECT language, COUNT(*) FROM articles WHERE language IS NOT NULL AND {ONE_OF_EACH_TEXT} GROUP BY language"
    ):
        tags[subtag(tag)].append(tag)
        texts[subtag(tag)] += count
    return {language: (tags[language], texts[language]) for language in tags}


def _texts(warehouse: Warehouse, tags: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Titles and texts of the newest articles with one of these tags."""
    newest = warehouse.query(
        f"SELECT article_id FROM articles WHERE language IN ({', '.join('?' * len(tags))}) AND {ONE_OF_EACH_TEXT} "
        "ORDER BY published_at DESC NULLS LAST, article_id LIMIT ?",
        [*tags, OF_A_LANGUAGE],
    )
    names = [name for (name,) in newest]
    for start in range(0, len(names), READ_AT_ONCE):
        for article in warehouse.articles(names[start : start + READ_AT_ONCE]):
            yield article.title, article.text


def _write(output: str, content: bytes) -> None:
    try:
        pathlib.Path(output).write_bytes(content)
    except OSError as e:
        raise UserError(f"can't write {output}: {e.strerror}") from e
