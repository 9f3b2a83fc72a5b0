"""The page as text, and the Content-Security-Policy that allows only its own style and script."""

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from olaudit.model import Report
from olaudit.render import view
from olaudit.render.html.view import page_values
from olaudit.render.style import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRefresh:
    """A page that reloads itself: when it was rendered (RFC 3339 UTC), and the seconds between reloads."""

    refreshed_at: str
    every_seconds: int


def render_page(report: Report, style: Style, live: LiveRefresh | None = None) -> str:
    """Render the page of `report`; with `live` it reloads itself and shows when it was rendered."""
    environment = Environment(
        loader=PackageLoader("olaudit.render.html", "."),
        autoescape=True,  # texts from hosts must never become markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = view.moment
    return environment.get_template("page.html.j2").render(
        page=page_values(report, style),
        live=live,
        policy=content_security_policy(),
        css=Markup(_embedded("page.css")),  # noqa: S704 - a file of this package
        js=Markup(_embedded("page.js")),  # noqa: S704 - a file of this package
    )


def content_security_policy() -> str:
    """Return the Content-Security-Policy that the page contains as a meta element.

    A server of the page should send it as a header as well, and may add `frame-ancestors 'none'`, which has no
    effect in a meta element.
    """
    return (
        f"default-src 'none'; style-src '{_source_hash('page.css')}'; script-src '{_source_hash('page.js')}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _embedded(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _source_hash(name: str) -> str:
    digest = hashlib.sha256(_embedded(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
