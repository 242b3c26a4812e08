"""Compiled code that is kept: several processes compile at a time, and none gets the code of another signature."""

import contextlib
import os
import subprocess
import sys

import hypothesis.strategies as st
from hypothesis import given

from pipeline.matching.kernels import _CacheFile

MODULE = """
import sys
from pipeline.matching.kernels import kernel

@kernel
def halved(x):
    return x / 2

print(halved(3), halved(4.0), sum(halved.stats.cache_hits.values()))
"""
SORTERS = """
import sys
import numpy as np
from pipeline.matching.kernels import kernel

@kernel
def ascending(values):
    return np.sort(values)

@kernel
def ranked(values):
    return np.argsort(values)

@kernel
def nothing(value):
    return value

for value in (1, 1.0, True)[:int(sys.argv[1])]:
    nothing(value)
values = np.arange(30, 0, -1).astype(np.uint64)
print(*(list(globals()[name](values)[:3].tolist()) for name in sys.argv[2:]))
"""


def cache_file(folder, stamp="now"):
    return _CacheFile(str(folder), "module.function-1.py311", stamp)


def run(script, *arguments):
    """What it prints; its code is kept beside it."""
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(script.parent / "kept")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12))
def test_what_is_found_is_of_its_signature_whoever_wrote_meanwhile(tmp_path_factory, writes):
    folder = tmp_path_factory.mktemp("kernels")
    for key, behind in writes:
        writer = cache_file(folder)
        if behind:  # it read the index before the others wrote
            writer._load_index = dict
        writer.save(key, f"code of {key}")
        assert cache_file(folder).load(key) == f"code of {key}"
    for key in "abc":
        assert cache_file(folder).load(key) in (None, f"code of {key}")


def test_a_writer_that_is_killed_leaves_nothing_wrong(tmp_path):
    class Killed(Exception):
        pass

    def killed(overloads):
        raise Killed

    cache_file(tmp_path, "before an upgrade").save("a", "old code")
    writer = cache_file(tmp_path)
    writer._save_index = killed
    with contextlib.suppress(Killed):
        writer.save("a", "code")
    assert cache_file(tmp_path).load("a") is None
    cache_file(tmp_path).save("a", "code")
    assert cache_file(tmp_path).load("a") == "code"


def test_code_is_kept_for_the_next_process(tmp_path):
    script = tmp_path / "module.py"
    script.write_text(MODULE)
    told = [run(script) for _ in range(2)]
    assert told == ["1.5 2.0 0", "1.5 2.0 2"]


def test_code_of_two_processes_is_not_taken_for_one_anothers(tmp_path):
    """numba counts what it makes on the way: the second process's helpers of argsort have the numbers that those of
    sort have in the first, and the third got values for ranks."""
    script = tmp_path / "sorters.py"
    script.write_text(SORTERS)
    assert run(script, 0, "ascending") == "[1, 2, 3]"
    assert run(script, 3, "ranked") == "[29, 28, 27]"
    assert run(script, 0, "ascending", "ranked") == "[1, 2, 3] [29, 28, 27]"
    assert run(script, 0, "ranked", "ascending") == "[29, 28, 27] [1, 2, 3]"
