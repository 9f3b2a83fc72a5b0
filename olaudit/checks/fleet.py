"""fleet.*: what hosts with the same section `agree` have in common, each compared with most other hosts."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts import images, versions
from olaudit.facts.worktree import NoRepository, Worktree, worktree
from olaudit.language import AbsolutePath, Section
from olaudit.model import Check, Fact, Facts, Severity, Unknown, Vote, because

ABSENT = "absent"
"""The value of a host that lacks what is compared: hosts that all lack it agree."""


class Agree(Section):
    """What hosts with the same values here have in common. An omitted key is not compared."""

    olsystem: AbsolutePath | None = None
    openlibrary: AbsolutePath | None = None
    image: str | None = Field(default=None, min_length=1)
    versions: tuple[Literal["docker", "compose"], ...] = ()


class _Comparison(NamedTuple):
    """A value that hosts compare: its key in the section, its subject and topic, and the fact that holds it."""

    key: str
    subject: str
    topic: str
    fact: Fact[Any]
    value_of: Callable[[Any], str | Unknown]


def _checker(check: Check, collected: str, compare: Callable[[Agree], Iterable[_Comparison]]) -> Checker[Agree]:
    """Build the checker of one check. It probes only what the section names for this check."""

    def vote(spec: Agree, facts: Facts) -> Iterator[Vote]:
        for key, subject, topic, fact, value_of in compare(spec):
            expectation = check.expect(subject, ("agree", key), based_on=(fact,))
            yield Vote(expectation, topic, value_of(facts[fact]))

    return Checker(
        section="agree",
        model=Agree,
        checks=(check,),
        collected=collected,
        facts=lambda spec: tuple(comparison.fact for comparison in compare(spec)),
        vote=vote,
    )


def _compare_head(key: str, attribute: str, spec: Agree) -> Iterator[_Comparison]:
    """Compare the commit or the tree of HEAD in the work tree that the section names with `key`."""
    if path := getattr(spec, key):
        value_of = partial(_head, path, attribute)
        yield _Comparison(key, path, f"the {attribute} of {key}", worktree(path), value_of)


def _head(path: str, attribute: str, tree: Worktree | NoRepository | Unknown) -> str | Unknown:
    match tree:
        case Unknown():
            return because(path, tree)
        case NoRepository(message):
            return Unknown(f"{path}: {message}")
        case _:
            return getattr(tree, attribute) or Unknown(f"the repository {path} has no commit yet")


GIT = _checker(
    Check(
        "fleet.git",
        # A warning: the host serves, but with outdated or newer settings.
        Severity.WARNING,
        "the host has another commit of olsystem than most hosts",
        "deploy olsystem to the host of the finding",
    ),
    "`git rev-parse HEAD` on each host",
    partial(_compare_head, "olsystem", "commit"),
)
# openlibrary is an unpacked tarball with a fresh `git init` on each host, so all commits differ. `HEAD^{tree}` is
# the hash of the files only.
TREE = _checker(
    Check(
        "fleet.tree",
        # A warning: the site works, but its content depends on the host that serves the request.
        Severity.WARNING,
        "the host has other files of openlibrary than most hosts",
        "deploy openlibrary to the host of the finding",
    ),
    "`git rev-parse HEAD^{tree}` on each host",
    partial(_compare_head, "openlibrary", "tree"),
)


def _compare_layers(spec: Agree) -> Iterator[_Comparison]:
    if image := spec.image:
        yield _Comparison("image", image, f"the content of {image}", images.layers(image), _digest)


def _digest(layers: tuple[str, ...] | Unknown) -> str | Unknown:
    if isinstance(layers, Unknown):
        return layers
    return f"sha256:{hashlib.sha256(' '.join(layers).encode()).hexdigest()}" if layers else ABSENT


def _compare_versions(spec: Agree) -> Iterator[_Comparison]:
    for program in dict.fromkeys(spec.versions):
        fact: Fact[Any] = versions.ENGINE if program == "docker" else versions.COMPOSE
        yield _Comparison(
            "versions",
            program,
            f"the version of {program.title()}",
            fact,
            lambda version: ABSENT if version is None else version,
        )


# Each host builds the image, so its ids differ; its layers do not.
IMAGE = _checker(
    Check(
        "fleet.image",
        # A warning: its containers run, but from an image with other content.
        Severity.WARNING,
        "the host has the image with other layers than most hosts, or lacks it",
        "build or load the image on the host of the finding, and recreate its containers",
    ),
    "`RootFS.Layers` of the engine's `GET /images/NAME/json` on each host",
    _compare_layers,
)
# Different versions have caused outages during upgrades: internetarchive/openlibrary#7667, #7706, #11332.
VERSION = _checker(
    Check(
        "fleet.version",
        # A warning: other versions work, and may fail only at the next upgrade or deploy.
        Severity.WARNING,
        "the host has another version of Docker or Compose than most hosts, or lacks it",
        "install the version of most hosts",
    ),
    "the engine's `GET /version`, the metadata of Docker's Compose plugin",
    _compare_versions,
)

CHECKERS: tuple[Checker[Agree], ...] = (GIT, TREE, IMAGE, VERSION)
"""One checker for each check."""
