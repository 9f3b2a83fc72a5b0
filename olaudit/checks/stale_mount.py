"""container.stale-mount: what a container has mounted is still what lies at that path of the host.

Deploying moves directories under running containers. A bind mount stays with the directory it was made of,
wherever that is moved to, while the host's path has become another one: the container goes on serving the old.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath
from olaudit.model import Answer, Answers, Command, EngineQuery, Expectation, Probe, Result, Severity, Unanswered

LiveMounts = dict[AbsolutePath, AbsolutePath]
"""The section: for paths inside of containers, the path of the host that each is to be."""

HOST_MOUNTS = Command(("cat", "/proc/self/mountinfo"))

_LINE = re.compile(
    r"(?:/proc/(?P<pid>[0-9]{1,9})/mountinfo:)?[0-9]+ [0-9]+ (?P<dev>[0-9]+:[0-9]+) (?P<root>\S+) (?P<at>/\S*) .*"
)


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mount: the directory `root` of the file system `dev`, seen at `at`."""

    pid: str
    dev: str
    root: str
    at: str


def _inside(spec: Mapping[str, str]) -> Command:
    """List the mounts at the paths concerned of every process; those of a container's first one are wanted."""
    patterns = (word for path in sorted(spec) for word in ("-e", f" {path} "))
    grep = ("-exec", "/bin/grep", "-H", "-F", *patterns, "{}", "+")
    find = ("find", "/proc/", "-mindepth", "2", "-maxdepth", "2", "-name", "mountinfo", *grep)
    # 1: processes ended meanwhile, or some have none of these mounts
    return Command(find, may_hang=True, sudo=True, statuses=(0, 1))


def _resolve(spec: Mapping[str, str]) -> Command:
    return Command(("readlink", "-m", "--", *sorted(set(spec.values()))), may_hang=True)


def probes(spec: Mapping[str, str]) -> tuple[Probe, ...]:
    """Ask for the containers, what they have mounted, and what the host has at these paths."""
    return (EngineQuery.CONTAINERS, _inside(spec), _resolve(spec), HOST_MOUNTS) if spec else ()


def evaluate(spec: Mapping[str, str], answers: Answers) -> Iterator[Result]:
    """Judge each running container that mounts one of the paths. Total."""
    containers = _containers(answers[EngineQuery.CONTAINERS], spec)
    if isinstance(containers, Unanswered):
        yield _ask("container").unknown(containers.reason)
        return
    inside = _mounts(answers[_inside(spec)])
    sources = _sources(spec, answers[_resolve(spec)], answers[HOST_MOUNTS])
    for name, pid, paths in containers:
        yield _evaluate(_ask(name), {path: spec[path] for path in paths}, pid, inside, sources)


def _ask(subject: str) -> Expectation:
    expected = "its mounts are what is at their paths of the host"
    return Expectation(check="container.stale-mount", subject=subject, at=("live_mounts",), expected=expected)


def _evaluate(
    expectation: Expectation,
    paths: Mapping[str, str],
    pid: str,
    inside: tuple[_Mount, ...] | Unanswered,
    sources: Mapping[str, tuple[str, str]] | Unanswered,
) -> Result:
    if isinstance(inside, Unanswered):
        return expectation.unknown(inside.reason)
    if isinstance(sources, Unanswered):
        return expectation.unknown(sources.reason)
    mine = {mount.at: (mount.dev, mount.root) for mount in inside if mount.pid == pid}
    if lost := sorted(paths.keys() - mine.keys()):
        return expectation.unknown(f"its process {pid} was not seen to have {', '.join(lost)} mounted")
    stale = [
        f"{path} is {mine[path][1]}" for path, source in sorted(paths.items()) if mine[path] != sources[source]
    ]
    if not stale:
        return expectation.ok(", ".join(f"{path} is {source}" for path, source in sorted(paths.items())))
    message = "it still has mounted what was moved or replaced on the host: recreate it to see what is there now"
    return expectation.drift("; ".join(stale), message)


def _containers(answer: Answer, spec: Mapping[str, str]) -> list[tuple[str, str, list[str]]] | Unanswered:
    """List running containers that mount any of the paths: name, first process, and which. Total."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        entries, found = json.loads(answer.stdout), []
        if not isinstance(entries, list):
            raise TypeError  # noqa: TRY301 - it makes as little sense as what the lines below stumble over
        for entry in entries:
            if "Unreadable" in entry:
                return Unanswered(f"a container could not be read: {entry['Unreadable']}"[:500])
            if entry["State"]["Running"]:
                # a source of another name is another volume, and container.mounts' business
                paths = [
                    one["Destination"] for one in entry["Mounts"] if spec.get(one["Destination"]) == one["Source"]
                ]
                if paths:
                    name = str(entry["Name"]).removeprefix("/").encode("utf-8", "backslashreplace").decode()
                    found.append((name, str(int(entry["State"]["Pid"])), paths))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Unanswered("the Docker Engine's answer about mounts makes no sense")
    return sorted(found)


def _mounts(answer: Answer) -> tuple[_Mount, ...] | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    *lines, rest = answer.stdout.split("\n")
    matches = [match for line in lines if (match := _LINE.fullmatch(line))]
    if rest or len(matches) != len(lines):
        return Unanswered(f"the list of mounts is not understood: {answer.stdout[:200]!r}")
    return tuple(
        _Mount(match["pid"] or "", match["dev"], _plain(match["root"]), _plain(match["at"])) for match in matches
    )


def _plain(path: str) -> str:
    """Undo the kernel's escapes: a space is written as its octal code."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _sources(spec: Mapping[str, str], resolved: Answer, mounts: Answer) -> dict[str, tuple[str, str]] | Unanswered:
    """Say of each source which directory of which file system it is now."""
    host = _mounts(mounts)
    if isinstance(host, Unanswered):
        return host
    if isinstance(resolved, Unanswered):
        return resolved
    names, (*ends, rest) = sorted(set(spec.values())), resolved.stdout.split("\n")
    if rest or len(names) != len(ends) or not all(end.startswith("/") for end in ends):
        return Unanswered(f"readlink's answer makes no sense: {resolved.stderr[:200]!r}")
    found = {}
    for name, end in zip(names, ends, strict=True):
        over = [mount for mount in host if f"{end}/".startswith(f"{mount.at.rstrip('/')}/")]
        if not over:
            return Unanswered(f"no file system of the host holds {name}")
        best = max(
            reversed(over), key=lambda mount: len(mount.at)
        )  # of two at one place the later covers the other
        rest = end.removeprefix(best.at.rstrip("/"))
        found[name] = (best.dev, best.root.rstrip("/") + rest or "/")
    return found


CHECKER: Checker[Mapping[str, str]] = Checker(
    section="live_mounts",
    model=LiveMounts,
    ids=(
        Check(
            "container.stale-mount",
            Severity.CRITICAL,
            "a bind mount is no longer what is at that path of the host",
            "`docker compose up -d --no-deps --force-recreate SERVICE`",
        ),
    ),
    collected="/proc/PID/mountinfo of the containers' first processes (sudo), and the host's own",
    probes=probes,
    evaluate=evaluate,
)
