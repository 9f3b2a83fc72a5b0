"""Probes of a host and their answers."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Command:
    """A read-only command, which is run without a shell between `argv` and the program.

    `may_hang` marks commands that access a file system which can be a dead mount. They are run after, and
    apart from, the commands that cannot hang, so that a dead mount affects only the answers that depend on it.
    `sudo` marks the few commands that need the read permissions of root. They are run by `sudo -n -k`, which never
    asks for a password and writes no ticket.
    `statuses` are the exit statuses that the program documents and the parser expects. An answer with any other
    status is `Unanswered` (see `Answers`).
    """

    argv: tuple[str, ...]
    may_hang: bool = field(default=False, compare=False)
    sudo: bool = False
    statuses: tuple[int, ...] = field(default=(0,), compare=False)


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """A request to the Docker Engine of a host for `GET /version`."""


@dataclass(frozen=True, slots=True)
class ContainerFields:
    """A request to the engine for `fields` of `GET /containers/ID/json` of each container, running or not.

    A field is a path of keys, as "State/Status"; through a list, it leads to each item. A last key that ends in
    "*" stands for all keys with this beginning. The transport drops everything else, such as environment
    variables.

    JSON: a list of containers. A container that the engine lists but that could not be read is {"Id", "Name",
    "Unreadable": reason}; id and name may be empty.
    """

    fields: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class ImageLayers:
    """A request to the engine for the `RootFS.Layers` of `image`, as a JSON list of digests.

    Each host builds its images, so image ids can differ although the content is the same.
    """

    image: str


@dataclass(frozen=True, slots=True)
class ContainerChanges:
    """A request to the engine for the output of `docker diff` of each running container, only below `paths`.

    JSON: a mapping of container names to lists of {"Path", "Kind"} (0 modified, 1 added, 2 deleted), or to
    {"Unreadable": reason} if the engine returned no list.
    """

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query to the resolver of the machine that runs olaudit, not of the host.

    JSON: {"addresses": [...], "names": {address: [...]}}: the addresses of `name`, and the names that each address
    resolves back to. Both are empty if the name does not resolve.
    """

    name: str


class ConnectionProbe(StrEnum):
    """A query to the transport about its connection.

    ADDRESS: the IP address at which the host was reached. CLOCK: JSON {"sent": seconds, "received": seconds} since
    1970, by the clock of the machine that runs olaudit. Every command that cannot hang ran between these two
    times.
    """

    ADDRESS = "address"
    CLOCK = "clock"


EngineProbe = EngineVersion | ContainerFields | ImageLayers | ContainerChanges
Probe = Command | EngineProbe | Lookup | ConnectionProbe


@dataclass(frozen=True, slots=True)
class Answered:
    """The raw answer to a probe. Answers to other probes than commands are JSON in `stdout` with status 0."""

    stdout: str
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A probe that could not be sent, or that was not answered; `reason` is one line of text."""

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
"""Signal numbers of Linux, independent of the system that runs olaudit."""

_MAX_EXCERPT = 200  # characters of standard error in a reason


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
    excerpt = next((line for line in lines if line and not line.startswith("#")), "")[:_MAX_EXCERPT].rstrip(" :")
    return Unanswered(f"{reason}: {excerpt}" if excerpt else reason)


class Answers(Mapping[Probe, Answer]):
    """The answers of one host by probe. A probe that was not sent is `Unanswered`, never a KeyError.

    `unsent` is the reason why probes were not sent.

    An answer is `Unanswered` too if its exit status is not among the `statuses` of the probe that is looked up: a
    command that failed may have printed only a part of its output.
    """

    def __init__(
        self, answers: Mapping[Probe, Answer], unsent: str = "this probe was not sent to the host"
    ) -> None:
        self._answers = dict(answers)
        self._unsent = Unanswered(unsent)

    def __getitem__(self, probe: Probe) -> Answer:
        """Return the answer to `probe`. Total."""
        answer = self._answers.get(probe, self._unsent)
        if isinstance(answer, Unanswered):
            # an error message without its cause must not end in a colon, and a reason must not be empty
            return Unanswered(answer.reason.rstrip(" :\n") or "no answer, and no reason was given")
        statuses = probe.statuses if isinstance(probe, Command) else (0,)
        if answer.status not in statuses:
            return undocumented_status(probe, answer)
        return answer

    def raw(self) -> Mapping[Probe, Answer]:
        """Return the answers as they arrived, with any status, for recordings and evidence."""
        return MappingProxyType(self._answers)

    def __iter__(self) -> Iterator[Probe]:
        """Iterate over the probes that were sent."""
        return iter(self._answers)

    def __len__(self) -> int:
        """Count the probes that were sent."""
        return len(self._answers)


class FailureReason(StrEnum):
    """Why a host could not be audited."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    HOSTKEY = "hostkey"
    AUTH = "auth"
    SSH = "ssh"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a host could not be audited; `message` is one line that states the cause and the fix."""

    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class InternalError:
    """A bug in olaudit: the host that it affects (or `FLEET`), the activity that failed, and the traceback."""

    host: str
    activity: str
    traceback: str


@dataclass(frozen=True, slots=True)
class HostAnswers:
    """The outcome of one host, and its duration (seconds, connect included).

    `error` is set if a bug prevented the audit of the host; `outcome` is a Failure then.
    """

    host: str
    outcome: Answers | Failure
    duration_seconds: float
    error: InternalError | None = None
