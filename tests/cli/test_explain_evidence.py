"""The evidence that a run stores is enough to explain each of its findings."""

from __future__ import annotations

from olaudit import recording
from olaudit.audit import audit, select_checks
from olaudit.checks import CHECKERS
from olaudit.cli.explanation import ExpectedFiles, PathOptions, build_explanation
from olaudit.cli.finding_background import FindingBackground, ReportedFinding
from olaudit.collect import CollectedAnswers
from olaudit.evidence import extract_evidence
from olaudit.model import Finding, HostAnswers, Verdict
from olaudit.render.explanation import ProbeAnswer
from tests.checks.fleet_answers import drifted
from tests.demo.auditing import shipped_fleet
from tests.values import RUN


def explain(finding: Finding, answers: CollectedAnswers) -> tuple[ProbeAnswer, ...]:
    """Return the probes, with their answers, that the explanation of `finding` shows."""
    reported = ReportedFinding(finding=finding, reported="", run_id="", started_at="", revision="")
    background = FindingBackground(sentences=(), answers=answers, answers_from="")
    paths = PathOptions(report=None, expected=None)
    files = ExpectedFiles(None, shipped_fleet())
    return build_explanation(reported, files, CHECKERS, background, paths).probes


def test_stored_evidence_explains_like_the_whole_recording() -> None:
    hosts = tuple(HostAnswers(host, answers, 1.0) for host, answers in drifted().outcomes.items())
    collected = CollectedAnswers(hosts, complete=True)
    report = audit(shipped_fleet().hosts.values(), hosts, CHECKERS, select_checks(CHECKERS), RUN)
    stored = recording.parse(recording.dump(extract_evidence(report, collected, CHECKERS)), "stored")
    findings = [finding for finding in report.findings if finding.verdict is not Verdict.OK]
    assert findings
    for finding in findings:
        probes = explain(finding, collected)
        assert all(probe.answer for probe in probes), finding
        assert explain(finding, stored) == probes, finding
