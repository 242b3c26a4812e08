"""A process that a test starts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spawned(command: list[str], **options) -> Iterator[subprocess.Popen]:
    """Wait for the process's end, but kill it if the test fails, which would wait for ever."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
