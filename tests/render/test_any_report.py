"""Properties of the renderers for any report."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from olaudit.model import Check, Failure, FailureReason, Report, Result, Verdict
from olaudit.render import RENDERERS
from olaudit.render.document import Document
from olaudit.render.style import Style
from tests.render.reports import IDS, report

TEXT = st.text(st.characters(), max_size=40)
EXPECTATIONS = st.builds(
    Check.expect,
    st.sampled_from(IDS),
    subject=TEXT,
    at=st.just(()) | st.tuples(st.just("results"), st.integers(1, 99)),
    expected=TEXT,
)


@st.composite
def results(draw: st.DrawFn) -> Result:
    expectation = draw(EXPECTATIONS)
    match draw(st.sampled_from([Verdict.OK, Verdict.DRIFT, Verdict.UNKNOWN])):
        case Verdict.OK:
            return expectation.ok(draw(TEXT))
        case Verdict.DRIFT:
            return expectation.drift(draw(TEXT), draw(TEXT), draw(st.none() | TEXT))
        case _:
            return expectation.unknown(draw(TEXT))


FAILURES = st.builds(Failure, st.sampled_from(FailureReason), TEXT)
REPORTS = st.builds(
    report,
    st.dictionaries(
        st.from_regex(r"ol-[a-z]{1,4}[0-9]", fullmatch=True),
        FAILURES | st.lists(results(), max_size=6),
        max_size=5,
    ),
    complete=st.booleans(),
)
STYLES = st.builds(Style, color=st.booleans(), width=st.integers(0, 200), all=st.booleans())


@given(REPORTS, STYLES)
def test_json_parses_and_its_counts_add_up(any_report: Report, style: Style) -> None:
    document = json.loads(RENDERERS["json"](any_report, style))
    summary = document["summary"]
    assert summary["checks"] == sum(summary[verdict] for verdict in Verdict)
    assert summary["hosts"] == len(document["hosts"])
    assert summary["unreachable"] == sum(host["failure"] is not None for host in document["hosts"])
    shown = summary["checks"] - (0 if style.all else summary["ok"])
    assert len(document["findings"]) == shown
    assert style.all or all(finding["verdict"] != "ok" for finding in document["findings"])


@given(REPORTS, STYLES)
def test_json_can_be_loaded_again(any_report: Report, style: Style) -> None:
    assert Document.model_validate_json(RENDERERS["json"](any_report, style)) == Document.of(any_report, style)


@given(REPORTS, STYLES)
def test_ndjson_has_the_values_of_json_line_by_line(any_report: Report, style: Style) -> None:
    document = json.loads(RENDERERS["json"](any_report, style))
    lines = [json.loads(line) for line in RENDERERS["ndjson"](any_report, style).split("\n")[:-1]]
    types = [line.pop("type") for line in lines]
    assert types == ["run"] + ["host"] * len(document["hosts"]) + ["finding"] * len(document["findings"])
    assert lines[1:] == document["hosts"] + document["findings"]
    assert lines[0] == {key: document[key] for key in ("schema_version", "run", "summary")}


@given(REPORTS, STYLES)
def test_the_table_names_every_host_and_ends_in_the_summary(any_report: Report, style: Style) -> None:
    text = RENDERERS["table"](any_report, style)
    last = text.splitlines()[-1]
    assert all(host.host in text for host in any_report.hosts)
    assert f" of {len(any_report.hosts)} host" in last
    assert f"{any_report.count(Verdict.UNKNOWN)} unknown" in last
    assert ("INCOMPLETE: interrupted" in text) is not any_report.run.complete


@settings(max_examples=25)  # many formats, some with templates to load
@given(REPORTS)
def test_rendering_is_deterministic(any_report: Report) -> None:
    for renderer in RENDERERS.values():
        assert renderer(any_report, Style()) == renderer(any_report, Style())
