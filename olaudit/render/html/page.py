"""The page as text, and the policy that allows it nothing but its own style and script."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from olaudit.model import Report
from olaudit.render.ages import moment
from olaudit.render.html.view import view
from olaudit.render.style import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRefresh:
    """A page that renews itself: when it was made (RFC 3339 UTC), and after how many seconds it asks again."""

    refreshed_at: str
    every_seconds: int


def render_page(report: Report, style: Style, live: LiveRefresh | None = None) -> str:
    """Give the page of `report`; where it is served `live`, it says so, and loads itself anew."""
    environment = Environment(
        loader=PackageLoader("olaudit.render.html", "."),
        autoescape=True,  # whatever comes from a host is text, and stays it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    return environment.get_template("page.html.j2").render(
        page=view(report, style),
        live=live,
        policy=content_security_policy(),
        css=Markup(_embedded("page.css")),  # noqa: S704 - our own file
        js=Markup(_embedded("page.js")),  # noqa: S704 - our own file
    )


def content_security_policy() -> str:
    """Give the Content-Security-Policy that the page carries as a meta element.

    Who serves the page should send it as a header as well, and may add `frame-ancestors 'none'`, which a meta
    element cannot carry.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hashed('page.css')}'",
            f"script-src '{_hashed('page.js')}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _embedded(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hashed(name: str) -> str:
    digest = hashlib.sha256(_embedded(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
