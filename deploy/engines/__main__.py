"""Kafka, Flink and PostgreSQL on this machine, to try wiredesk out on what it runs on in earnest, without containers.

    make engines          fetch (once, into the user's cache), start, and say how to use them
    make engines-down     stop just these

``PYTHONPATH=deploy python -m engines up|down|status [kafka|flink|postgresql ...]``. Everything is in var/engines: data,
logs, pid files, ports (free ones, kept from then on), and engines.toml, a settings file for ``wiredesk --config``. All
listen on 127.0.0.1 only. Needs Java 17, Maven and ``make setup``.
"""

from __future__ import annotations

import importlib
import pathlib
import sys
import time
from types import ModuleType

FOLDER = pathlib.Path("var/engines").resolve()
ENGINES = ("postgresql", "kafka", "flink")
USAGE = "usage: PYTHONPATH=deploy python -m engines up|down|status [kafka|flink|postgresql ...]"


def main(arguments: list[str]) -> int:
    action, *names = arguments or [""]
    if action not in ("up", "down", "status") or set(names) - set(ENGINES):
        print(USAGE, file=sys.stderr)
        return 2
    engines = {name: importlib.import_module(f"engines.{name}") for name in names or ENGINES}
    if action == "up":
        return _up(engines)
    for name, engine in engines.items():
        if action == "down":
            print(f"{name}: {'stopped' if engine.stop(FOLDER / name) else 'was not running'}")
        else:
            print(engine.status(FOLDER / name))
    return 0


def _up(engines: dict[str, ModuleType]) -> int:
    lacking = [why for engine in engines.values() if (why := engine.missing())]
    if lacking:
        print("\n".join(lacking), file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, engine in engines.items():
        began = time.monotonic()
        try:
            started = engine.start(FOLDER / name)
        except engine.EngineError as e:
            print(f"{name}: {e}", file=sys.stderr)
            return 1
        print(f"{engine.status(FOLDER / name)} after {time.monotonic() - began:.0f} s", flush=True)
        if name == "kafka":
            lines.append(f'queue = "kafka://{started}/wiredesk"\n')
        elif name == "postgresql":
            lines.append(f'warehouse = "{started}"\n')
        else:
            lines.append(f'\n[flink]\nmaster = "{started.url}"\nworkers = "{started.pool}"\n')
            lines.append(f'job_server = "{started.job_server}"\n')
    settings = FOLDER / "engines.toml"
    settings.write_text(
        "# Written by `make engines`: wiredesk --config var/engines/engines.toml ...\n" + "".join(lines)
    )
    print(f"\nwiredesk --config {settings.relative_to(pathlib.Path.cwd())} stream --runner FlinkRunner")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
