"""Read 4,000 odd and hostile feed documents: each must end in a named state.

``python bench/odd_feeds.py [--documents 4000]`` prints how many ended in which state (a format, or why it is no feed)
and raises if one ended otherwise. tests/connectors/feeds/test_odd_feeds.py reads one in thirteen of them.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from odd_feeds import states_of  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=4000)
    count = parser.parse_args().documents
    began = time.process_time()
    states = states_of(range(count))
    for state, documents in states.most_common():
        print(f"{state:20} {documents:6,}")
    print(f"{sum(states.values()):,} documents, 0 crashes, {time.process_time() - began:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
