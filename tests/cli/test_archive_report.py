"""The bar of a backfill, as a terminal shows it."""

from pipeline.channel import Counts
from pipeline.cli.archive_report import Bar
from pipeline.cli.archive_run import Tally


def test_archives_one_after_the_other_are_named(capsys):
    with Bar(total=30, archives=2) as bar:
        for name, size in (("a.warc.gz", 10), ("b.warc.gz", 20)):
            bar.begin(name)
            tally = Tally(name, size, Counts(items=3, new=2, rejects={"no_text": 1}), read=size)
            bar.advance(tally)
            bar.end(tally)
    told = capsys.readouterr().err
    assert "2/2 b.warc.gz" in told
    assert "100%" in told
    assert "6 items" in told
    assert "2 rejects" in told


def test_archives_that_a_cluster_reads_together_are_counted(capsys):
    with Bar(total=30, archives=2) as bar:
        bar.advance(Tally("all", 30, read=15))
    told = capsys.readouterr().err
    assert "2 archives" in told
    assert "50%" in told
