"""Ask whether a vulnerability is known in a locked package: ``python deploy/audit.py`` (or ``make audit``).

pip-audit asks (https://pypi.org/project/pip-audit, run by uvx, so that nothing is added to .venv). Exit code 1 for a
vulnerability that ``deploy/audit.toml`` does not accept with a reason; 0 if there is none, and also if nobody could be
asked, which is said plainly: a machine without a way to the service must not stand in the way of a change. (pip-audit
itself says "No known vulnerabilities found" then.)
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
PIP_AUDIT = "pip-audit==2.10.1"
SECONDS = 300
NOT_ASKED = "NOT AUDITED: the service that knows of vulnerabilities could not be asked from here"


def judge(report: Mapping[str, Any] | None, accepted: Mapping[str, str]) -> tuple[int, list[str]]:
    """Exit code and lines for pip-audit's report (None: there is none). ``accepted``: id -> why it does no harm."""
    packages = report["dependencies"] if report else []
    unknown = [p for p in packages if "skip_reason" in p]
    if not packages or len(unknown) == len(packages):
        return 0, [f"{NOT_ASKED} ({unknown[0]['skip_reason'] if unknown else 'no answer'})"]
    lines = [f"not audited: {p['name']}: {p['skip_reason']}" for p in unknown]
    wrong = 0
    for package in packages:
        for found in package.get("vulns", ()):
            ids = {found["id"], *found.get("aliases", ())}
            why = next((accepted[i] for i in sorted(ids) if i in accepted), None)
            wrong += why is None
            mend = (
                f"mended in {', '.join(found['fix_versions'])}" if found.get("fix_versions") else "no version mends it"
            )
            told = f"accepted: {why}" if why else mend
            lines.append(f"{package['name']} {package['version']}: {', '.join(sorted(ids))}: {told}")
    asked = len(packages) - len(unknown)
    lines.append(f"{asked} packages audited, {wrong} vulnerabilities to be dealt with")
    return (1 if wrong else 0), lines


def ask(locked: str) -> dict[str, Any] | None:
    """pip-audit's report on these lines of a lock file; None if it gives none."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lines:
        lines.write(locked)
        lines.flush()
        uvx = pathlib.Path(sys.executable).with_name("uvx")
        command = [str(uvx), "--quiet", PIP_AUDIT, "--requirement", lines.name, "--no-deps", "--disable-pip"]
        try:
            run = subprocess.run(
                [*command, "--format", "json", "--progress-spinner", "off"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
            )
            report: dict[str, Any] = json.loads(run.stdout)
        except (OSError, subprocess.TimeoutExpired, ValueError):
            return None
    return report


def main() -> int:
    locked = (ROOT / "requirements.lock").read_text()
    accepted = tomllib.loads((ROOT / "deploy/audit.toml").read_text())["accepted"]
    report = ask(locked.splitlines()[0] + "\n")  # one first: whether there is an answer is known in seconds
    if report is not None and "skip_reason" not in report["dependencies"][0]:
        report = ask(locked)
    code, lines = judge(report, accepted)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
