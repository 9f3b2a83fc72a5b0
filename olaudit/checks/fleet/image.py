"""fleet.image: the image of all services has the same content on all hosts.

The image is rebuilt on each host, so its ids differ; its layers do not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import ABSENT, HostValue, Topic, Vote, answers_of, compare
from olaudit.checks.fleet.spec import Agree
from olaudit.model import Answers, Failure, ImageLayers, Result, Severity, Unanswered

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def probes(spec: Agree) -> tuple[ImageLayers, ...]:
    """Return the probe of the image's layers, or none where no image is expected."""
    return (ImageLayers(spec.image),) if spec.image else ()


def evaluate(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Result]]:
    """Compare the layers among the hosts that expect the same image."""
    for image in dict.fromkeys(spec.image for spec in specs.values() if spec.image):
        topic = Topic("fleet.image", f"the content of {image}", ("agree", "image"))
        hosts = [host for host, spec in specs.items() if spec.image == image]
        yield from compare(
            topic, {host: Vote(image, _digest(image, answers_of(outcomes[host]))) for host in hosts}
        )


def _digest(image: str, answers: Answers | Unanswered) -> HostValue:
    """Return one digest of all layers, or `ABSENT` if the host does not have the image."""
    answer = answers if isinstance(answers, Unanswered) else answers[ImageLayers(image)]
    if isinstance(answer, Unanswered):
        return answer
    try:
        layers = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        layers = None
    if not isinstance(layers, list) or not all(
        isinstance(layer, str) and _DIGEST.fullmatch(layer) for layer in layers
    ):
        return Unanswered(f"the Docker Engine's answer about {image} could not be parsed")
    return f"sha256:{hashlib.sha256(' '.join(layers).encode()).hexdigest()}" if layers else ABSENT


CHECKER: FleetChecker[Agree] = FleetChecker(
    section="agree",
    model=Agree,
    checks=(
        # A warning: its containers run, but from an image with other content.
        Check(
            "fleet.image",
            Severity.WARNING,
            "the host has the image with other layers than most hosts, or lacks it",
            "build or load the image on the host of the finding, and recreate its containers",
        ),
    ),
    collected="`RootFS.Layers` of the engine's `GET /images/NAME/json` on each host",
    probes=probes,
    evaluate=evaluate,
)
