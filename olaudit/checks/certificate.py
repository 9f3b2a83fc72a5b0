"""certificate.expiry: no TLS certificate of the host has expired or expires soon.

A failed renewal is invisible for weeks, until browsers show errors: internetarchive/openlibrary#6950, #3903. The
certificates are from Let's Encrypt; certbot renews them 30 days before they expire.
"""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts.certificates import certificates
from olaudit.facts.clock import SECONDS
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown

_DAY_SECONDS = 86400


class CertificatesSpec(Section):
    """Certbot's `folder` of live certificates (or accepted folders), and the `days` that each must have left.

    `container` is the container in which certbot runs, if any.
    """

    folder: Expect[AbsolutePath]
    days: Annotated[int, Field(ge=1)]
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None


EXPIRY = Check(
    "certificate.expiry",
    # Critical: browsers refuse a site with an expired certificate.
    Severity.CRITICAL,
    "a certificate has expired, or none exists (warning: it expires soon)",
    "`certbot renew --cert-name NAME`",
)


def evaluate(spec: CertificatesSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate each certificate, and whether any exists."""
    fact = certificates(spec.folder.values)
    live, now = facts[fact], facts[SECONDS]
    if isinstance(live, Unknown):
        yield _expectation(spec, str(spec.folder), fact).unknown(live.reason)
        return
    folder = _expectation(spec, str(spec.folder), fact, SECONDS)
    if isinstance(now, Unknown):
        yield folder.unknown(now.reason)
        return
    if live.unread:
        yield folder.unknown(f"not all certificates could be read: {live.unread.reason}")
    elif not live.expiries:
        message = f"no certificate exists in {' or '.join(spec.folder.values)}"
        yield folder.drift("no certificate", message, _certbot(spec, "certificates"))
    for path, expiry in live.expiries:
        expectation = _expectation(spec, path, fact.about(path), SECONDS)
        yield expectation.evaluate(expiry, partial(_evaluate_expiry, expectation, spec, now))


def _expectation(spec: CertificatesSpec, subject: str, *based_on: Fact[Any] | Basis) -> Expectation:
    return EXPIRY.expect(subject, ("certificates", "days"), f"at least {spec.days} days left", based_on=based_on)


def _evaluate_expiry(expectation: Expectation, spec: CertificatesSpec, now: int, expiry: int) -> Result:
    days = (expiry - now) // _DAY_SECONDS
    name = posixpath.basename(posixpath.dirname(expectation.subject))
    renew = _certbot(spec, "renew", "--cert-name", name)
    if expiry <= now:
        expired = (now - expiry) // _DAY_SECONDS
        return expectation.drift("expired", f"the certificate {name} expired {expired} days ago", renew)
    if days < spec.days:
        message = f"the certificate {name} expires in {days} days and was not renewed"
        return replace(expectation, severity=Severity.WARNING).drift(f"{days} days left", message, renew)
    return expectation.ok(f"{days} days left")


def _certbot(spec: CertificatesSpec, *arguments: str) -> str:
    prefix = ("docker", "exec", spec.container) if spec.container else ()
    return shlex.join((*prefix, "certbot", *arguments))


CHECKER = Checker(
    section="certificates",
    model=CertificatesSpec,
    checks=(EXPIRY,),
    collected="`find` and `openssl x509 -enddate`, with sudo; `date` for the host's own clock",
    facts=lambda spec: (certificates(spec.folder.values), SECONDS),
    evaluate=evaluate,
)
