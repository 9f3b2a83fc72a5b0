"""The report as Prometheus metrics, in the text format of its exposition.

For node_exporter's textfile collector: `olaudit check -o prometheus=FILE.prom`. No sample has a timestamp.
"""

from __future__ import annotations

from olaudit.model import Report
from olaudit.render.style import Style


def render(report: Report, _style: Style) -> str:
    """Give all metrics of the report. There is nothing to style, and what is as expected is always a zero."""
    # imported here: the client costs a fifth of the start of any other command
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - as said above

    from olaudit.render.prometheus.collector import ReportCollector  # noqa: PLC0415 - as said above

    registry = CollectorRegistry()
    registry.register(ReportCollector(report))
    return generate_latest(registry).decode()
