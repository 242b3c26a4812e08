"""Fuzz every door through which a stranger's bytes come; tests/support/fuzzing has the doors and the loop.

``python bench/fuzz.py [DOOR ...] [--minutes 1] [--seed 1]`` runs the doors one after the other (all, unless some are
named), each for so many minutes of processor time, and prints what was reached. It exits with 1 if there is a finding:
an exception that the door does not promise, an input that takes longer than the door may, one that ends the process,
one that never comes back. Each finding is a file below ``--folder`` (var/fuzz/DOOR/), made as small as it gets, with
its traceback beside it. ``python bench/fuzz.py DOOR --replay FILE ...`` runs the door on such files.

A finding is mended with a test that holds its smallest input.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import pathlib
import resource
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from fuzzing import loop  # noqa: E402
from fuzzing.doors import DOORS  # noqa: E402

MEMORY = 4 * 2**30
"""Bytes that a door may take: what wants more raises ``MemoryError``, which is a finding."""
SILENCE = 120.0
"""Seconds without a new input after which a door hangs in code that is not Python's."""


def work(name: str, seed: int, seconds: float, folder: pathlib.Path) -> None:
    """The process of a door: its last input is always in ``folder/now``, its report at the end in ``folder/report``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    now = folder / "now"
    report = loop.run(DOORS[name], seed, seconds=seconds, before=now.write_bytes)
    for finding in report.findings.values():
        data = loop.smaller(DOORS[name], finding) if finding.kind == "raised" else finding.data
        save(folder, finding.kind, data, f"{finding.where}\n\n{finding.detail}")
    now.unlink(missing_ok=True)
    (folder / "report").write_text(
        json.dumps(
            {
                "door": name,
                "inputs": report.inputs,
                "seconds": round(report.seconds, 1),
                "slowest_seconds": round(report.slowest, 2),
                "kept": report.kept,
                "lines": report.lines,
                "of_lines": report.of_lines,
                "states": dict(report.states.most_common()),
                "findings": sorted(report.findings),
            }
        )
    )


def save(folder: pathlib.Path, kind: str, data: bytes, detail: str) -> pathlib.Path:
    """Keep a finding: the input, and what it did beside it."""
    file = folder / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    file.with_suffix(".txt").write_text(detail + "\n")
    return file


def fuzz(name: str, seed: int, seconds: float, folder: pathlib.Path) -> dict[str, Any]:
    """The report of a door. Where its process dies or hangs, that is a finding, and another one goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report").unlink(missing_ok=True)
    died: list[str] = []
    context = multiprocessing.get_context("spawn")
    while len(died) < 3:
        process = context.Process(target=work, args=(name, seed + len(died), seconds, folder))
        process.start()
        hung = _watch(process, folder / "now")
        if not hung and process.exitcode == 0:
            break
        kind, why = ("hung", f"no answer for {SILENCE:g} s") if hung else ("died", f"exit code {process.exitcode}")
        now = folder / "now"
        died.append(str(save(folder, kind, now.read_bytes() if now.exists() else b"", why)))
        now.unlink(missing_ok=True)  # by its age the next process would seem silent
    report: dict[str, Any] = json.loads((folder / "report").read_text()) if len(died) < 3 else {"door": name}
    report["findings"] = [*report.get("findings", ()), *died]
    return report


def _watch(process: Any, now: pathlib.Path) -> bool:
    """Wait for the process; kill it, and return True, once it has taken no new input for too long."""
    while process.is_alive():
        process.join(timeout=1)
        try:
            silent = time.time() - now.stat().st_mtime
        except FileNotFoundError:
            continue
        if process.is_alive() and silent > SILENCE:
            process.kill()
            process.join()
            return True
    return False


def replay(name: str, files: list[pathlib.Path]) -> int:
    wrong = 0
    for file in files:
        found, state, took = loop.attempt(DOORS[name], file.read_bytes(), None)
        slow = found is None and took > DOORS[name].patience
        wrong += found is not None or slow
        print(f"{file}: {found.detail if found else state} ({took:.2f} s{', too slow' if slow else ''})")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"of {', '.join(DOORS)}")
    parser.add_argument("--minutes", type=float, default=1.0, help="of processor time, for each door (default: 1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/fuzz"))
    parser.add_argument("--replay", nargs="+", type=pathlib.Path, metavar="FILE", help="run the one door on these")
    options = parser.parse_args()
    if unknown := [name for name in options.doors if name not in DOORS]:
        parser.error(f"no door {unknown[0]}: there are {', '.join(DOORS)}")
    if options.replay:
        if len(options.doors) != 1:
            parser.error("--replay needs the one door that the files are for")
        return replay(options.doors[0], options.replay)
    findings = 0
    print(
        f"{'door':12} {'inputs':>9} {'seconds':>8} {'slowest':>8} {'lines reached':>14} {'states':>7} {'findings':>9}"
    )
    for name in options.doors or DOORS:
        report = fuzz(name, options.seed, options.minutes * 60, options.folder / name)
        findings += len(report["findings"])
        print(
            f"{name:12} {report.get('inputs', 0):9,} {report.get('seconds', 0):8.0f}"
            f" {report.get('slowest_seconds', 0):8.2f} {report.get('lines', 0):6} of {report.get('of_lines', 0):4}"
            f" {len(report.get('states', ())):7} {len(report['findings']):9}",
            flush=True,
        )
        for finding in report["findings"]:
            print(f"  FOUND {finding} ({options.folder / name})", flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
