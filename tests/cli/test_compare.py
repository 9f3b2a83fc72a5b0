"""`olaudit compare`: the differences between two runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from olaudit.cli import main
from tests.cli.history_command import Capture, assert_only_colours_differ, run, run_json, schema, write_reports
from tests.history.run_builder import DISK_ID


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the default reports' folder, with a history of five runs."""
    return write_reports(tmp_path, monkeypatch)


TWO_RUNS = """\
from 2026-11-02 03:00 UTC  20261102T030000Z-0002  2 of 2 hosts audited
to   2026-11-03 03:00 UTC  20261103T030000Z-0003  1 of 2 hosts audited
1 new, 0 resolved, 0 unchanged, 2 unobserved

NEW (1)
  warning  ol-a  path.mode  /x
    expected free, observed full

UNOBSERVED (2): drift that the second run could not observe
  warning  ol-a  disk.free  /x
  warning  ol-b  path.mode  /opt/olsystem

NEWLY UNKNOWN (2)
  warning  ol-a  disk.free       /x
    expected free, observed timeout
  warning  ol-b  host.reachable  host
    expected free, observed full
"""


@pytest.mark.usefixtures("reports")
def test_two_runs_are_compared(capsys: Capture) -> None:
    assert run(capsys, "compare", "2026-11-02", "2026-11-03") == TWO_RUNS


RESOLVED = """\
from 2026-11-03 03:00 UTC  20261103T030000Z-0003  1 of 2 hosts audited
to   2026-11-05 03:00 UTC  20261105T030000Z-0005  2 of 2 hosts audited, INCOMPLETE
0 new, 1 resolved, 1 unchanged, 0 unobserved

RESOLVED (1)
  warning  ol-a  path.mode  /x  no longer evaluated

UNCHANGED (1)
  warning  ol-b  path.mode  /opt/olsystem

OBSERVED AGAIN (2)
  warning  ol-a  disk.free       /x  now waived
  warning  ol-b  host.reachable  host  now ok
"""


@pytest.mark.usefixtures("reports")
def test_resolved_and_observed_again_have_their_titles(capsys: Capture) -> None:
    assert run(capsys, "compare", "2026-11-03", "latest") == RESOLVED


SAME_RUN = """\
from 2026-11-05 03:00 UTC  20261105T030000Z-0005  2 of 2 hosts audited, INCOMPLETE
to   2026-11-05 03:00 UTC  20261105T030000Z-0005  2 of 2 hosts audited, INCOMPLETE
0 new, 0 resolved, 1 unchanged, 0 unobserved

UNCHANGED (1)
  warning  ol-b  path.mode  /opt/olsystem
"""


@pytest.mark.usefixtures("reports")
def test_a_run_compared_with_itself_is_unchanged(capsys: Capture) -> None:
    assert run(capsys, "compare", "latest", "20261105") == SAME_RUN


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize("runs", [("2026-11-02", "2026-11-03"), ("previous", "latest")])
def test_color_changes_only_the_colours(capsys: Capture, runs: tuple[str, str]) -> None:
    assert_only_colours_differ(capsys, "compare", *runs)


@pytest.mark.usefixtures("reports")
def test_json_has_the_differences(capsys: Capture) -> None:
    document = run_json(capsys, "compare", "2026-11-02", "latest")
    assert list(document) == [
        "before",
        "after",
        "new",
        "unchanged",
        "resolved",
        "unobserved",
        "newly_unknown",
        "observed_again",
    ]
    assert (document["before"]["started_at"], document["after"]["complete"]) == ("2026-11-02T03:00:00Z", False)
    (resolved,) = document["resolved"]
    assert (resolved["id"], resolved["ending"]) == (DISK_ID, "waived")
    assert [finding["check"] for finding in document["unchanged"]] == ["path.mode"]


@pytest.mark.usefixtures("reports")
def test_json_has_what_could_not_be_observed(capsys: Capture) -> None:
    document = run_json(capsys, "compare", "2026-11-02", "2026-11-03")
    assert [finding["check"] for finding in document["new"]] == ["path.mode"]
    assert next(finding["id"] for finding in document["unobserved"]) == DISK_ID
    assert [finding["check"] for finding in document["newly_unknown"]] == ["disk.free", "host.reachable"]
    document = run_json(capsys, "compare", "2026-11-03", "latest")
    assert [finding["verdict_now"] for finding in document["observed_again"]] == ["waived", "ok"]


@pytest.mark.usefixtures("reports")
def test_the_schema_refuses_other_documents(capsys: Capture) -> None:
    Draft202012Validator.check_schema(made := schema(capsys, "compare"))
    validator = Draft202012Validator(made)
    document = run_json(capsys, "compare", "previous", "latest")
    assert not validator.is_valid(document | {"appeared": []})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "new"})
    assert not validator.is_valid(run_json(capsys, "history"))


@pytest.mark.usefixtures("reports")
def test_an_unknown_run_is_refused_with_the_last_runs(capsys: Capture) -> None:
    assert main(["compare", "latest", "2026-12-24"]) == 2
    assert capsys.readouterr().err == (
        "olaudit: there is no run '2026-12-24'\n"
        "hint: the last runs are 20261105T030000Z-0005, 20261104T030000Z-0004, 20261103T030000Z-0003; "
        "a date, latest and previous name runs too\n"
    )
