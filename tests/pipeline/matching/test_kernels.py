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


def cache_file(folder, stamp="now"):
    return _CacheFile(str(folder), "module.function-1.py311", stamp)


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
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    told = [
        subprocess.run(
            [sys.executable, str(script)], env=environment, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert told == [["1.5", "2.0", "0"], ["1.5", "2.0", "2"]]
