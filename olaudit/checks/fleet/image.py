"""fleet.image: the image that all services run from has the same content on all hosts.

It is rebuilt on each host, so its ids differ; its layers do not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import ABSENT, Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree
from olaudit.model import Answers, Failure, ImageLayers, Result, Severity, Unanswered

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def probes(spec: Agree) -> tuple[ImageLayers, ...]:
    """Ask for the layers of the image."""
    return (ImageLayers(spec.image),) if spec.image else ()


def evaluate(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Result]]:
    """Compare the layers, among the hosts that name the same image."""
    for image in dict.fromkeys(spec.image for spec in specs.values() if spec.image):
        topic = Topic("fleet.image", f"the content of {image}", ("agree", "image"))
        hosts = [host for host, spec in specs.items() if spec.image == image]
        yield from compare(topic, {host: Vote(image, _layers(image, reach(outcomes[host]))) for host in hosts})


def _layers(image: str, answers: Answers | Unanswered) -> Told:
    """Give one digest of all layers, or that the host does not have the image."""
    answer = answers if isinstance(answers, Unanswered) else answers[ImageLayers(image)]
    if isinstance(answer, Unanswered):
        return answer
    try:
        layers = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        layers = None
    if not isinstance(layers, list) or not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in layers):
        return Unanswered(f"the Docker Engine's answer about {image} makes no sense")
    return f"sha256:{hashlib.sha256(' '.join(layers).encode()).hexdigest()}" if layers else ABSENT


CHECKER: FleetChecker[Agree] = FleetChecker(
    section="agree",
    model=Agree,
    ids=(
        # A warning: its containers run, from an image of another day.
        Check(
            "fleet.image",
            Severity.WARNING,
            "most other hosts have the image with other layers, or have it where this one does not",
            "build or load the image on the host that is named, and recreate its containers",
        ),
    ),
    collected="`RootFS.Layers` of the engine's `GET /images/NAME/json` on each host; what most hosts say counts",
    probes=probes,
    evaluate=evaluate,
)
