"""Renderers of reports: one module per format, and the map from format names to renderers.

A renderer takes a report and a style and returns text. It reads no clock and no terminal, and prints nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from olaudit.model import Report
from olaudit.render import graphite, html, json, junit, markdown, nagios, prometheus, sarif, table
from olaudit.render.style import Style

Renderer = Callable[[Report, Style], str]

RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "table": table.render,
        "json": json.render,
        "ndjson": json.render_lines,
        "junit": junit.render,
        "sarif": sarif.render,
        "markdown": markdown.render,
        "html": html.render,
        "nagios": nagios.render,
        "graphite": graphite.render,
        "prometheus": prometheus.render,
    }
)
