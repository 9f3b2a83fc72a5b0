"""fleet.image: the image of all services has the same content on all hosts.

The image is rebuilt on each host, so its ids differ; its layers do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.checks.fleet.spec import ABSENT, Agree
from olaudit.facts import images
from olaudit.model import Check, Facts, Severity, Unknown, Vote

# A warning: its containers run, but from an image with other content.
CHECK = Check(
    "fleet.image",
    Severity.WARNING,
    "the host has the image with other layers than most hosts, or lacks it",
    "build or load the image on the host of the finding, and recreate its containers",
)


def vote(spec: Agree, facts: Facts) -> Iterator[Vote]:
    """Vote with one digest of all layers."""
    if spec.image:
        fact = images.layers(spec.image)
        expectation = CHECK.expect(spec.image, ("agree", "image"), based_on=(fact,))
        yield Vote(expectation, f"the content of {spec.image}", _digest(facts[fact]))


def _digest(layers: tuple[str, ...] | Unknown) -> str | Unknown:
    if isinstance(layers, Unknown):
        return layers
    return f"sha256:{hashlib.sha256(' '.join(layers).encode()).hexdigest()}" if layers else ABSENT


CHECKER = Checker(
    section="agree",
    model=Agree,
    checks=(CHECK,),
    collected="`RootFS.Layers` of the engine's `GET /images/NAME/json` on each host",
    facts=lambda spec: (images.layers(spec.image),) if spec.image else (),
    vote=vote,
)
