"""How often Python looks for what reference counts don't free.

It looks whenever some hundred more objects came than went, and now and then through all there are. Tables, models and
the sketches of a week are millions of objects that stay, and a batch or a page makes some hundred thousand, so that
these looks took a fifth of the time of a page and a third of that of settling, and freed next to nothing.
"""

from __future__ import annotations

import atexit
import functools
import gc

ALLOCATIONS = 50_000
"""Objects that may come between two looks at the youngest."""


@functools.cache
def look_seldom() -> None:
    """From now on, in this process. What there is now is taken to stay: it is not looked at before the end."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else C extensions count as leaks what they find then, and say so
    gc.set_threshold(ALLOCATIONS, 20, 50)
