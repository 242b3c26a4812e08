"""What makes a machine's code of a function, and keeps it for other processes and later runs.

numba's own cache numbers its files and writes the index first: of two processes that compile two signatures of one
function at a time, both take the same number, and a third then runs the code of the one for the other (so does one that
reads between index and file, also of the code before an upgrade, and for good if the writer is killed there). Here a
file is named by what is in it, and the index comes last: what is found is right, and what is lost is compiled again.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile


def kernel(function: Callable[..., Any]) -> Any:
    """Decorates a function that numba compiles, to run without the interpreter's lock."""
    compiled = njit(cache=True, nogil=True)(function)
    cache = getattr(compiled, "_cache", None)  # none with NUMBA_DISABLE_JIT
    if cache is not None:
        cache._cache_file = _CacheFile(
            cache_path=cache._cache_path,
            filename_base=cache._impl.filename_base,
            source_stamp=cache._impl.locator.get_source_stamp(),
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
