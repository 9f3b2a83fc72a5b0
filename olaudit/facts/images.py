"""The layers of images.

Each host builds its images, so image ids can differ although the content is the same.
"""

import re

from olaudit.facts.answers import parse_json
from olaudit.model import Answered, Fact, ImageLayers, Unknown

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def layers(image: str) -> Fact[tuple[str, ...]]:
    """Build the fact of the digests of the layers of `image`; none if the host lacks the image."""

    def parse(answer: Answered) -> tuple[str, ...] | Unknown:
        document = parse_json(answer)
        digests = tuple(document) if isinstance(document, list) else (document,)
        if all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests):
            return digests
        return Unknown(f"the Docker Engine's answer about {image} could not be parsed")

    return Fact("images.layers", ImageLayers(image), parse)
