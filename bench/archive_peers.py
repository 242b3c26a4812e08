"""Other readers of news archives, measured beside wiredesk: datatrove and news-please.

Each lives in a virtual environment of its own, outside the project: ``environment`` makes it once. This file is also
what runs inside it:

    PYTHON bench/archive_peers.py datatrove|news-please FOLDER CORES

reads the WARC files of FOLDER, one a core, and prints how many articles came of them and how many seconds it took.

datatrove: its WARC reader, its Trafilatura step (without fallbacks, the fastest setting there is) and its four steps of
MinHash, as its own examples join them, on its local executor. news-please: ``NewsPlease.from_warc``, which its reader
of Common Crawl calls for each record, without pictures; it has no search for copies, and needs NLTK's tables, which it
fetches from the network. fundus reads pages of the publishers that it has a parser for, and none else, so it can't be
measured on pages that are not theirs.
"""

from __future__ import annotations

import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
import time

HOME = pathlib.Path.home() / ".cache" / "wiredesk"
PACKAGES = {
    # What they import and do not ask for comes along.
    "datatrove": ("datatrove[processing,io]==0.10.1", "lxml_html_clean", "spacy", "faust-cchardet", "python-magic"),
    "news-please": ("news-please==1.6.16", "nltk"),
}


def environment(name: str) -> pathlib.Path | None:
    """The Python of a peer's environment, made on the first call; None, said in one line, when it can't be had."""
    folder = HOME / f"peer-{name}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *PACKAGES[name]], check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError) as e:
            print(f"{name} is not measured: its environment could not be made in {folder} ({e})")
            return None
        ready.touch()
    return python


def run(python: pathlib.Path, name: str, folder: pathlib.Path, cores: int) -> tuple[int, float] | None:
    """(articles, seconds) of a peer over the WARC files of a folder; None, said in one line, when it can't run."""
    command = [python, __file__, name, str(folder), str(cores)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if ran.returncode:
        why = [line.strip() for line in ran.stderr.splitlines() if "rror" in line or "not found" in line]
        print(f"{name} is not measured: it does not run here ({'; '.join(why[-2:])})")
        return None
    articles, seconds = ran.stdout.split()[-2:]
    return int(articles), float(seconds)


def datatrove(folder: pathlib.Path, cores: int) -> int:
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)

        def do(steps: list, tasks: int) -> None:
            LocalPipelineExecutor(
                pipeline=steps, tasks=tasks, workers=cores, logging_dir=str(root / f"logs{len(list(root.iterdir()))}")
            ).run()

        texts, signatures, buckets, clusters = (str(root / n) for n in ("texts", "signatures", "buckets", "clusters"))
        extract = Trafilatura(timeout=10, deduplicate=False, favour_precision=False, no_fallback=True)
        read = WarcReader(str(folder), glob_pattern="*.warc.gz")
        do([read, extract, JsonlWriter(texts, compression=None)], cores)
        do([JsonlReader(texts), MinhashDedupSignature(signatures)], cores)
        do([MinhashDedupBuckets(signatures, buckets)], 14)  # one for each bucket of its configuration
        do([MinhashDedupCluster(buckets, clusters)], 1)
        do([JsonlReader(texts), MinhashDedupFilter(clusters), JsonlWriter(str(root / "out"), compression=None)], cores)
        return sum(1 for file in (root / "out").glob("*") for _ in file.open())


def news_please(folder: pathlib.Path, cores: int) -> int:
    with multiprocessing.Pool(cores) as pool:
        return sum(pool.map(_read, sorted(folder.glob("*.warc.gz"))))


def _read(path: pathlib.Path) -> int:
    from newsplease import NewsPlease
    from warcio.archiveiterator import ArchiveIterator

    found = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                article = NewsPlease.from_warc(record, fetch_images=False)
                found += bool(article.maintext)
    return found


if __name__ == "__main__":
    which = {"datatrove": datatrove, "news-please": news_please}[sys.argv[1]]
    begin = time.perf_counter()
    articles = which(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    print(articles, time.perf_counter() - begin)
