"""What makes a machine's code of a function, and keeps it for other processes and later runs.

numba's own cache numbers its files and writes the index first: of two processes that compile two signatures of one
function at a time, both take the same number, and a third then runs the code of the one for the other (so does one that
reads between index and file, also of the code before an upgrade, and for good if the writer is killed there). Here a
file is named by what is in it, and the index comes last: what is found is right, and what is lost is compiled again.

It also numbers the functions it makes on the way, such as those of ``np.sort``, and a symbol's name tells them apart by
that number: of two processes that compile different kernels, both may give one name to different functions, and a third
that loads both runs the one for the other (numba/numba#10486; of ``np.argsort`` it got the values). Here the numbers
are random.
"""

from __future__ import annotations

import hashlib
import pickle
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from numba import njit
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import IndexDataCacheFile

_FORMAT = 1
"""Code that is kept is of no use to a version with another: count up when what is kept changes."""


def _random_numbers() -> Iterator[int]:
    while True:
        yield secrets.randbits(64)


FunctionIdentity._unique_ids = _random_numbers()  # type: ignore[assignment]  # all it asks of it is the next


def kernel(function: Callable[..., Any]) -> Any:
    """Decorates a function that numba compiles, to run without the interpreter's lock."""
    compiled = njit(cache=True, nogil=True)(function)
    cache = getattr(compiled, "_cache", None)  # none with NUMBA_DISABLE_JIT
    if cache is not None:
        cache._cache_file = _CacheFile(
            cache_path=cache._cache_path,
            filename_base=cache._impl.filename_base,
            source_stamp=(_FORMAT, cache._impl.locator.get_source_stamp()),
        )
    return compiled


class _CacheFile(IndexDataCacheFile):
    """Signature -> its code. Any number of processes may use it at a time."""

    def save(self, key: Any, data: Any) -> None:
        name = self._named(key)
        self._save_data(name, data)
        overloads = self._load_index()
        overloads[key] = name
        self._save_index(overloads)

    def _named(self, key: Any) -> str:
        digest = hashlib.blake2b(pickle.dumps((self._version, self._source_stamp, key)), digest_size=12).hexdigest()
        return str(self._index_name.removesuffix("nbi") + digest + ".nbc")
