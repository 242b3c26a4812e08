"""A Chromium on this machine, for tests of the desk's pages and their pictures: Debian's, driven by Playwright.

``missing()`` says what this machine lacks; ``python deploy/engines/chromium.py fetch`` installs it where one may
(``apt-get``, as root on Debian and its kin), and says in one line what to do elsewhere. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-liberation", "fonts-dejavu-core")
"""The browser, and fonts that the pages' pictures are drawn with."""
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update")
"""Chromium refuses its sandbox to root, whom tests often run as; nothing but our own pages is opened."""


def program() -> str | None:
    """The browser's path, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def missing() -> str | None:
    """What this machine lacks, in one line; None when it has all."""
    if program() is None:
        return "Chromium is not here (as root: python deploy/engines/chromium.py fetch; or apt-get install chromium)"
    return None


def fetch() -> int:
    """Install Chromium unless it is here; returns an exit code."""
    if missing() is None:
        return 0
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(missing(), file=sys.stderr)
        return 1
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", "--quiet", "--quiet", *command], check=True, env=environment, stdout=sys.stderr)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] != ["fetch"]:
        sys.exit("usage: python deploy/engines/chromium.py fetch")
    sys.exit(fetch())
