"""Renderer for Prometheus: metrics in the text exposition format.

For node_exporter's textfile collector: `olaudit check -o prometheus=FILE.prom`. No sample has a timestamp.
"""

from olaudit.model import Report
from olaudit.render.style import Style


def render(report: Report, _style: Style) -> str:
    """Render all metrics of the report. The style has no effect: checks that are ok are always exported as 0."""
    # Importing the client takes a fifth of a command's start-up time: commands without metrics skip it.
    from prometheus_client import generate_latest  # noqa: PLC0415 - see above

    from olaudit.render.prometheus.collector import ReportCollector  # noqa: PLC0415 - see above

    return generate_latest(ReportCollector(report)).decode()
