from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import certificate
from olaudit.model import Command
from tests.checks.tables import Row, case, check_locally, check_row, rows, spec_of

LIVE = {"folder": "/etc/letsencrypt/live", "days": 21}


@pytest.mark.parametrize("row", rows("certificate"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
    check_row(certificate.CHECKER, row)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({**LIVE, "days": 0}, "greater than or equal to 1"),
        ({**LIVE, "days": "21"}, "valid integer"),
        ({**LIVE, "folder": "live"}, "is not a plain absolute path"),
        ({**LIVE, "container": "-it"}, "match pattern"),
    ],
)
def test_an_invalid_section_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(certificate.CHECKER, section)


def test_only_the_certificate_probe_uses_sudo() -> None:
    probes = certificate.CHECKER.probes(spec_of(certificate.CHECKER, LIVE))
    assert [isinstance(probe, Command) and probe.sudo for probe in probes] == [True, False]


@pytest.mark.skipif(not Path("/usr/bin/openssl").exists(), reason="this machine has no openssl")
def test_the_probes_run_on_this_machine(tmp_path: Path) -> None:
    archive, live = tmp_path / "archive/openlibrary.org", tmp_path / "live/openlibrary.org"
    for folder in (archive, live):
        folder.mkdir(parents=True)
    make_certificate(archive / "fullchain1.pem", days=30)
    (live / "fullchain.pem").symlink_to("../../archive/openlibrary.org/fullchain1.pem")
    (live / "privkey.pem").write_text("secret", encoding="ascii")
    for days, verdict in ((21, "ok"), (40, "drift")):
        section = {"folder": {"value": str(tmp_path / "none"), "accept": [str(live.parent)]}, "days": days}
        (result,) = check_locally(certificate.CHECKER, section)
        assert (result.subject, result.verdict.value) == (f"{live}/fullchain.pem", verdict)
        assert result.observed in ("29 days left", "30 days left")


def make_certificate(path: Path, days: int) -> None:
    new = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=openlibrary.org")
    assert shutil.which("openssl")
    subprocess.run(
        (*new, "-days", str(days), "-keyout", "/dev/null", "-out", path), check=True, capture_output=True
    )
