"""Probes and their answers: what is asked of a host, and what comes back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Command:
    """A read-only command, to be run without a shell between `argv` and the program.

    `may_hang` marks commands that touch a file system which can be a dead mount: they are run after, and
    apart from, the ones that cannot hang, so that one dead mount costs only the answers that lie on it.
    `sudo` marks the few that need root's right to read; they are run by `sudo -n -k`, which never asks
    for a password and writes no ticket.
    `statuses` are the exit statuses that the program documents and the parser expects. An answer with any other
    status is `Unanswered` (see `Answers`).
    """

    argv: tuple[str, ...]
    may_hang: bool = field(default=False, compare=False)
    sudo: bool = False
    statuses: tuple[int, ...] = field(default=(0,), compare=False)


class EngineQuery(StrEnum):
    """A question to the Docker Engine of a host.

    VERSION: the engine's `GET /version`. CONTAINERS: a JSON list with one `GET /containers/ID/json` per
    container, running or not, reduced to what checks may see (never environment variables). One that the engine
    lists and that could not be read is in it as {"Id", "Name", "Unreadable": reason}; either may be empty.
    """

    VERSION = "version"
    CONTAINERS = "containers"


@dataclass(frozen=True, slots=True)
class ImageLayers:
    """A question to the engine: the `RootFS.Layers` of `image`, as a JSON list of digests.

    Images are rebuilt on each host, so their ids differ where their content does not.
    """

    image: str


@dataclass(frozen=True, slots=True)
class ContainerChanges:
    """A question to the engine: what `docker diff` says of each running container, below `paths` alone.

    JSON: a mapping of container names to lists of {"Path", "Kind"} (0 modified, 1 added, 2 deleted), or to
    {"Unreadable": reason} where the engine gave none.
    """

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to the resolver of the auditor, not of the host.

    JSON: {"addresses": [...], "names": {address: [...]}}, the addresses that `name` resolves to and the names
    that each of these resolves back to; both empty where the name does not resolve.
    """

    name: str


class ConnectionProbe(StrEnum):
    """A question to the transport.

    ADDRESS: the IP address at which the host was reached. CLOCK: the auditor's own clock, as JSON {"sent":
    seconds, "received": seconds} since 1970, between which every command that cannot hang was run and answered.
    """

    ADDRESS = "address"
    CLOCK = "clock"


EngineProbe = EngineQuery | ImageLayers | ContainerChanges
Probe = Command | EngineProbe | Lookup | ConnectionProbe


@dataclass(frozen=True, slots=True)
class Answered:
    """What a probe returned, unjudged. Engine questions answer with JSON in `stdout` and status 0."""

    stdout: str
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A probe that could not be asked, or did not answer; `reason` is one line for people."""

    reason: str


Answer = Answered | Unanswered


_SIGNALS: Mapping[int, str] = MappingProxyType(
    {
        1: "SIGHUP",
        2: "SIGINT",
        3: "SIGQUIT",
        4: "SIGILL",
        6: "SIGABRT",
        7: "SIGBUS",
        8: "SIGFPE",
        9: "SIGKILL",
        11: "SIGSEGV",
        13: "SIGPIPE",
        14: "SIGALRM",
        15: "SIGTERM",
        24: "SIGXCPU",
        25: "SIGXFSZ",
        31: "SIGSYS",
    }
)
"""Linux's numbers, whatever the auditor runs on."""

_EXCERPT = 200  # characters of standard error in a reason


def undocumented_status(probe: Probe, answer: Answered) -> Unanswered:
    """Build the reason for an answer whose exit status is not among those that `probe` documents."""
    if not isinstance(probe, Command):
        source = "the Docker Engine's answer" if isinstance(probe, EngineProbe) else "the answer"
        return Unanswered(f"{source} failed with status {answer.status}")
    program = posixpath.basename(probe.argv[0]) if probe.argv else "the command"
    signal = _SIGNALS.get(answer.status - 128)
    reason = f"{program} ended with status {answer.status}" + (f" ({signal})" if signal else "")
    # iptables prints warnings about the other set of tables as comments, before or after its error
    lines = (line.strip() for line in answer.stderr.split("\n"))
    excerpt = next((line for line in lines if line and not line.startswith("#")), "")[:_EXCERPT].rstrip(" :")
    return Unanswered(f"{reason}: {excerpt}" if excerpt else reason)


class Answers(Mapping[Probe, Answer]):
    """The answers of one host. A probe nobody asked is `Unanswered`, never a KeyError and never a guess.

    An answer whose exit status is not among the `statuses` of the probe that is looked up is `Unanswered`: a
    command that died half-way may have printed any part of its output.
    """

    def __init__(self, answers: Mapping[Probe, Answer]) -> None:
        self._answers = dict(answers)

    def __getitem__(self, probe: Probe) -> Answer:
        """Look `probe` up; total."""
        answer = self._answers.get(probe, Unanswered("this was not asked of the host"))
        if isinstance(answer, Unanswered):
            # an error text that is empty where its cause should be must neither end in a colon nor be no reason
            return Unanswered(answer.reason.rstrip(" :\n") or "no answer, and no reason was given")
        statuses = probe.statuses if isinstance(probe, Command) else (0,)
        if answer.status not in statuses:
            return undocumented_status(probe, answer)
        return answer

    def raw(self) -> Mapping[Probe, Answer]:
        """Return the answers as they arrived, whatever their status: for recordings and evidence."""
        return MappingProxyType(self._answers)

    def __iter__(self) -> Iterator[Probe]:
        """Iterate over the probes that were asked."""
        return iter(self._answers)

    def __len__(self) -> int:
        """Count the probes that were asked."""
        return len(self._answers)


class FailureReason(StrEnum):
    """Why a host as a whole could not be audited."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    HOSTKEY = "hostkey"
    AUTH = "auth"
    SSH = "ssh"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """A host that could not be audited; `message` is one line that says what happened and how to mend it."""

    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class InternalError:
    """A bug in olaudit: the host it concerns (or `FLEET`), what olaudit was doing, and the traceback."""

    host: str
    activity: str
    traceback: str


@dataclass(frozen=True, slots=True)
class HostAnswers:
    """What came back from one host, and how long that took (seconds, connect included).

    `error` is set where a bug prevented the host from being asked; `outcome` is a Failure then.
    """

    host: str
    outcome: Answers | Failure
    duration_seconds: float
    error: InternalError | None = None
