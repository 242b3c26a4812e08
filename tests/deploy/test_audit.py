"""An audit fails for what is found, and says plainly when nobody could be asked."""

import audit

SOUND = {"name": "lxml", "version": "6.0", "vulns": []}
HURT = {
    "name": "aiohttp",
    "version": "3.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3.1"], "description": "x"}],
}
UNKNOWN = {"name": "lxml", "skip_reason": "Dependency not found on PyPI"}


def test_a_vulnerability_fails_and_is_named_with_what_mends_it():
    code, lines = audit.judge({"dependencies": [SOUND, HURT]}, {})
    assert code == 1
    assert lines[0] == "aiohttp 3.0: CVE-2026-1, PYSEC-1: mended in 3.1"
    assert lines[-1] == "2 packages audited, 1 vulnerabilities to be dealt with"


def test_one_that_is_accepted_with_a_reason_does_not():
    code, lines = audit.judge({"dependencies": [HURT]}, {"CVE-2026-1": "the server part is not used"})
    assert code == 0
    assert "accepted: the server part is not used" in lines[0]


def test_that_nobody_could_be_asked_is_no_clean_bill():
    for report in (None, {"dependencies": []}, {"dependencies": [UNKNOWN, UNKNOWN]}):
        code, lines = audit.judge(report, {})
        assert code == 0
        assert lines[0].startswith("NOT AUDITED")


def test_a_package_that_is_not_known_is_told_beside_the_others():
    code, lines = audit.judge({"dependencies": [UNKNOWN, HURT]}, {})
    assert code == 1
    assert lines[0].startswith("not audited: lxml")
